// A certificate authority for a test, by openssl: keys and certificates as PEM files in a directory of its own.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export class Authority {
    static async create(name) {
        const authority = new Authority();
        authority.directory = mkdtempSync(join(tmpdir(), 'clink-checkout-ca.'));
        authority.certFile = join(authority.directory, 'ca.pem');
        authority.keyFile = join(authority.directory, 'ca.key');
        await run('openssl', [
            'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`,
            '-addext', 'basicConstraints=critical,CA:TRUE', '-keyout', authority.keyFile, '-out', authority.certFile,
        ]);
        authority.ca = readFileSync(authority.certFile);
        return authority;
    }

    /** `{certFile, keyFile, cert, key, ca}` for the names, e.g. `DNS:localhost` or `IP:127.0.0.1`. */
    async issue(label, names) {
        const file = (suffix) => join(this.directory, `${label}.${suffix}`);
        await run('openssl', [
            'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${label}`, '-keyout', file('key'),
            '-out', file('csr'),
        ]);
        writeFileSync(file('ext'), `subjectAltName=${names.join(',')}\n`);
        await run('openssl', [
            'x509', '-req', '-in', file('csr'), '-CA', this.certFile, '-CAkey', this.keyFile, '-CAcreateserial', '-days', '2', '-extfile',
            file('ext'), '-out', file('pem'),
        ]);
        const [certFile, keyFile] = [file('pem'), file('key')];
        return { certFile, keyFile, cert: readFileSync(certFile), key: readFileSync(keyFile), ca: this.ca };
    }

    remove() {
        rmSync(this.directory, { recursive: true, force: true });
    }
}
