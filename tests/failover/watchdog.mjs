// A machine's watchdog for Patroni: a device that resets the machine when nobody has written to it for the time it was set to. A named
// pipe stands for the device (Patroni's driver `testing` writes to one what it would tell a kernel's), what resets is given.
import { execFileSync } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import net from 'node:net';

/** What Patroni writes: a timeout in seconds, a sign of life, the end of its watch (a kernel's "magic close"). */
const messages = /Ctimeout=(\d+)\n|1|V/g;

export class Watchdog {
    /** Makes the device at `path`; `reset` is called each time that nobody fed it in time. */
    constructor(path, reset) {
        execFileSync('mkfifo', ['-m', '600', path]);
        this.reset = reset;
        this.unread = '';
        // Open for writing too: the pipe has no end when Patroni closes it.
        this.pipe = new net.Socket({ fd: openSync(path, constants.O_RDWR | constants.O_NONBLOCK), readable: true, writable: false });
        this.pipe.setEncoding('latin1').on('data', (text) => this.#take(text));
    }

    /** The machine is off, or nobody is to be watched any more. */
    disarm() {
        clearTimeout(this.timer);
    }

    close() {
        this.disarm();
        this.pipe.destroy();
    }

    #take(text) {
        this.unread += text;
        let read = 0;
        for (const message of this.unread.matchAll(messages)) {
            read = message.index + message[0].length;
            if (message[1]) this.seconds = Number(message[1]);
            this.disarm();
            if (message[0] !== 'V') this.#arm();
        }
        this.unread = this.unread.slice(read);
    }

    #arm() {
        // What was written meanwhile is read first: this process may have been late, not Patroni.
        this.timer = setTimeout(() => { this.timer = setTimeout(() => this.reset(), 50); }, this.seconds * 1000);
    }
}
