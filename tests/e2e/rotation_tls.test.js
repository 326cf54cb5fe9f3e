// The listener's certificate and the authority of its clients are replaced while customers go on buying, over connections that
// are kept and over new ones: no restart, no refused handshake, and connections that are open go on.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';

import { Authority } from './support/certificates.js';
import { eventually } from './support/environment.js';
import { exchange } from './support/http.js';
import { Load } from './support/load.js';
import { SecretVolume } from './support/secret_volume.js';
import { Stack } from './support/stack.js';

const names = ['IP:127.0.0.1'];
let authority;
before(async () => (authority = await Authority.create('Server CA')));
after(() => authority?.remove());

const fingerprint = ({ cert }) => new X509Certificate(cert).fingerprint256;

/** A connection of its own, kept open; `shown` is the certificate that it was given. */
class KeptConnection {
    static async open(base, options) {
        const kept = new KeptConnection();
        const { hostname: host, port } = new URL(base);
        kept.socket = tls.connect({ host, port, ...options });
        kept.socket.on('error', () => {});
        await new Promise((done, failed) => kept.socket.once('secureConnect', done).once('error', failed));
        kept.shown = kept.socket.getPeerCertificate().fingerprint256;
        return kept;
    }

    /** The first line of what a GET is answered. */
    async ask(path) {
        this.socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
        return new Promise((done, failed) => {
            this.socket.once('data', (data) => done(data.toString('latin1').split('\r\n')[0])).once('close', failed);
        });
    }

    close() {
        this.socket.destroy();
    }
}

/** Customers of whom half keep their connections and half come on a new one with each request. */
class Crowd {
    constructor(stack, options) {
        const storefrontKeys = [stack.service.storefrontKey];
        this.loads = [{}, { agent: false }].map((way) => {
            const api = stack.api.over({ ...options, ...way });
            return new Load({ stack, api, finance: api.as(stack.service.tokens.finance), storefrontKeys, customers: 3 });
        });
    }

    /** From now on they come with other options of TLS. */
    over(options) {
        for (const load of this.loads) {
            const changed = { ...load.api.tls, ...options };
            Object.assign(load, { api: load.api.over(changed), finance: load.finance.over(changed) });
        }
    }

    round() {
        return Promise.all(this.loads.map((load) => load.round()));
    }

    stop() {
        return Promise.all(this.loads.map((load) => load.stop()));
    }
}

async function shownNow(stack, options) {
    const kept = await KeptConnection.open(stack.service.base, options);
    kept.close();
    return kept.shown;
}

/** Awaits that new connections are shown a certificate. */
const shows = (stack, options, certificate) =>
    eventually('the new certificate is shown', async () => (await shownNow(stack, options)) === fingerprint(certificate));

const logged = (stack, event) => stack.service.process.logLines().filter((line) => line.event === event);

describe("the listener's certificate", () => {
    let stack;
    let crowd;
    let volume;
    let first;
    before(async () => {
        first = await authority.issue('first', names);
        volume = new SecretVolume({ 'tls.crt': String(first.cert), 'tls.key': String(first.key) });
        const env = { TLS_CERT_FILE: volume.path('tls.crt'), TLS_KEY_FILE: volume.path('tls.key') };
        stack = await Stack.start('rotation-tls', { env, tls: { ca: authority.ca }, webhooks: {} });
        crowd = new Crowd(stack, { ca: authority.ca });
    });
    after(async () => {
        try {
            await crowd?.stop();
        } finally {
            await stack?.close();
            volume?.remove();
        }
    });

    test('of a mounted Secret: new connections get the new one, open ones go on', async () => {
        const open = await KeptConnection.open(stack.service.base, { ca: authority.ca });
        assert.equal(open.shown, fingerprint(first));
        await crowd.round();

        const second = await authority.issue('second', names);
        volume.update({ 'tls.crt': String(second.cert), 'tls.key': String(second.key) });
        await shows(stack, { ca: authority.ca }, second);
        assert.match(await open.ask('/openapi.yaml'), /^HTTP\/1.1 200 /);
        open.close();
        await crowd.round();
        assert.deepEqual(logged(stack, 'tls_files_rejected'), []);
        assert.equal(logged(stack, 'tls_files_reloaded').length, 1);
    });

    test('with the key a while after it: the former pair serves until both are there', async () => {
        const third = await authority.issue('third', names);
        const before = await shownNow(stack, { ca: authority.ca });
        volume.update({ 'tls.crt': String(third.cert) });
        await eventually('the log tells of the pair that does not match', () => logged(stack, 'tls_files_rejected').length === 1);
        assert.equal(await shownNow(stack, { ca: authority.ca }), before);
        await crowd.round();

        volume.update({ 'tls.key': String(third.key) });
        await shows(stack, { ca: authority.ca }, third);
        await crowd.round();
    });
});

describe('the authority of client certificates', () => {
    const expected = [403, 'client_certificate_required'];
    let directory;
    let file;
    let authorities;
    let members;
    let stack;
    let crowd;
    before(async () => {
        authorities = [await Authority.create('Old clients'), await Authority.create('New clients')];
        members = await Promise.all(authorities.map((each) => each.issue('member', ['DNS:member.example'])));
        directory = mkdtempSync(join(tmpdir(), 'clink-checkout-authorities.'));
        file = join(directory, 'ca.pem');
        writeFileSync(file, authorities[0].ca);
        const server = await authority.issue('server', names);
        const env = { TLS_CERT_FILE: server.certFile, TLS_KEY_FILE: server.keyFile, TLS_CLIENT_CA_FILE: file };
        stack = await Stack.start('rotation-client-ca', { env, tls: optionsOf(0), webhooks: {} });
        crowd = new Crowd(stack, optionsOf(0));
    });
    after(async () => {
        try {
            await crowd?.stop();
        } finally {
            await stack?.close();
            for (const each of authorities ?? []) each.remove();
            rmSync(directory, { recursive: true, force: true });
        }
    });

    const optionsOf = (which) => ({ ca: authority.ca, cert: members[which].cert, key: members[which].key });

    /** What a member is told on a new connection; a status, or that it was not let in. */
    async function toldTo(which) {
        const headers = { authorization: `Bearer ${stack.service.tokens.finance}` };
        const options = { ...optionsOf(which), agent: false };
        const answer = await exchange(stack.service.base, { path: '/v1/reconciliation/payments', headers, tls: options }).catch(() => undefined);
        return answer?.status ?? 'refused';
    }
    const isTold = (which, what) => eventually(`member ${which} is told ${what}`, async () => (await toldTo(which)) === what);

    test('the new one beside the old, the clients move, the old one is taken away', async () => {
        await crowd.round();
        assert.deepEqual([await toldTo(0), await toldTo(1)], [200, 'refused']);

        writeFileSync(file, Buffer.concat(authorities.map(({ ca }) => ca)));
        await isTold(1, 200);
        await crowd.round();
        crowd.over(optionsOf(1));
        await crowd.round();

        const open = await KeptConnection.open(stack.service.base, optionsOf(0));
        writeFileSync(file, authorities[1].ca);
        await isTold(0, 'refused');
        await crowd.round();
        // Who was let in stays in: an emergency is a restart (deploy/rotation.md).
        assert.match(await open.ask('/v1/orders/x'), /^HTTP\/1.1 401 /);
        open.close();
        await stack.api.over({ ca: authority.ca }).order('x', { expect: expected });
        assert.deepEqual(logged(stack, 'tls_files_rejected'), []);
    });
});
