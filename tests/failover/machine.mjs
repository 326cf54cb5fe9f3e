// A machine with a server under Patroni: it dies with all of its processes at once, hangs with all or with some of them, and is reset by its
// watchdog when it has one.
import { join } from 'node:path';

import { freeze, postmasterOf, signalAll, startAsServer, treeOf } from './processes.mjs';
import { Watchdog } from './watchdog.mjs';

export class Machine {
    /** `home` is the directory of all machines; `fenced` ones have a watchdog. */
    constructor(home, name, fenced) {
        this.home = home;
        this.name = name;
        this.data = join(home, name);
        this.configuration = join(home, `${name}.yml`);
        if (fenced) {
            this.device = join(home, `${name}.watchdog`);
            this.watchdog = new Watchdog(this.device, () => this.#reset());
        }
    }

    boot() {
        this.process = startAsServer(`patroni-${this.name}`, this.home, ['patroni', this.configuration]);
    }

    /** Gone, all of a sudden. */
    powerOff() {
        this.watchdog?.disarm();
        signalAll(freeze([this.process.pid, postmasterOf(this.data)]), 'SIGKILL');
        this.frozen = undefined;
        this.isOff = true;
    }

    hang() {
        this.frozen = freeze([this.process.pid, postmasterOf(this.data)]);
    }

    /** Patroni and the postmaster hang, and the sessions that are there go on: nobody is left to end them. */
    hangSupervision() {
        const server = treeOf(postmasterOf(this.data));
        this.frozen = [...treeOf(this.process.pid).filter((pid) => !server.includes(pid)), server[0]];
        signalAll(this.frozen, 'SIGSTOP');
    }

    /** What hangs goes on, what is off is booted. */
    comeBack() {
        if (this.isOff) this.boot();
        else signalAll(this.frozen, 'SIGCONT');
        this.frozen = undefined;
        this.isOff = false;
    }

    /** Ends it in order, and what hangs or was left behind without. */
    async remove() {
        this.watchdog?.close();
        if (this.isOff) return;
        if (this.frozen) this.comeBack();
        if (this.process && !this.process.exit) await this.process.stop('SIGTERM', 30);
        try {
            signalAll(treeOf(postmasterOf(this.data)), 'SIGKILL');
        } catch (error) {
            if (error.code !== 'ENOENT') throw error; // it ended with its Patroni
        }
    }

    #reset() {
        this.resetAt = performance.now();
        this.powerOff();
    }
}
