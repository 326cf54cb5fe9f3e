// A directory of secrets as Kubernetes mounts one: every name is a link through `..data`, a link to the directory of the
// version in force. An update writes a directory beside it and swaps that one link: the files change without any of the
// names' own links changing.
import { mkdirSync, mkdtempSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class SecretVolume {
    /** `files` are texts by name, written as they are. */
    constructor(files) {
        this.directory = mkdtempSync(join(tmpdir(), 'clink-checkout-secrets.'));
        this.versions = 0;
        this.files = {};
        for (const name of Object.keys(files)) symlinkSync(join('..data', name), join(this.directory, name));
        this.update(files);
    }

    path(name) {
        return join(this.directory, name);
    }

    /** The next version: the last one with `changes`. */
    update(changes) {
        Object.assign(this.files, changes);
        const version = `..version_${++this.versions}`;
        mkdirSync(join(this.directory, version));
        for (const [name, text] of Object.entries(this.files)) writeFileSync(join(this.directory, version, name), text, { mode: 0o400 });
        symlinkSync(version, join(this.directory, '..data_tmp'));
        const former = this.versions > 1 && readlinkSync(join(this.directory, '..data'));
        renameSync(join(this.directory, '..data_tmp'), join(this.directory, '..data'));
        if (former) rmSync(join(this.directory, former), { recursive: true });
    }

    remove() {
        rmSync(this.directory, { recursive: true, force: true });
    }
}
