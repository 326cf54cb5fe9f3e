// Names and trust in an image that holds so little: host names are looked up by DNS, and a server's certificate is judged by
// the system's trust anchors. Needs port 53 of a loopback of its own (tests/image/run).
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Authority } from '../e2e/support/certificates.js';
import { Client } from '../e2e/support/client.js';
import { Contract } from '../e2e/support/contract.js';
import { Database } from '../e2e/support/database.js';
import { Service } from '../e2e/support/service.js';
import { Storefront } from '../e2e/support/storefront.js';
import { Twin } from '../e2e/support/twin.js';
import { mounted } from './support/containers.js';
import { NameServer } from './support/name_server.js';

const trustAnchors = '/etc/ssl/certs/ca-certificates.crt';

let authority;
let directory;
let names;
let twin;
let database;
let storefront;
let contract;
before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'clink-checkout-image.'));
    authority = await Authority.create('Clink\'s own CA');
    const certificate = await authority.issue('clink', ['DNS:clink.example', 'DNS:localhost']);
    names = await NameServer.start({ 'clink.example': '127.0.0.1', 'database.example': '127.0.0.1' });
    twin = await Twin.start('image-names', { ...certificate, name: 'localhost' });
    database = await Database.create();
    await database.migrate();
    storefront = await Storefront.start();
    contract = await Contract.load();
});
after(async () => {
    await storefront?.stop();
    await database?.drop();
    await twin?.stop();
    await names?.stop();
    authority?.remove();
    rmSync(directory, { recursive: true, force: true });
});

/** Runs `work` with a client of a service that knows PostgreSQL and Clink by name; `options` are the container's. */
async function serving(options, work) {
    const service = new Service('image-names', {
        databaseUrl: database.serverUrl.replace('127.0.0.1', 'database.example'),
        clinkUrl: twin.apiBase.replace('localhost', 'clink.example'),
        clinkKey: twin.apiKey,
        env: { CONTAINER_OPTIONS: ['--dns', '127.0.0.1', ...options].join(' ') },
    });
    await service.start();
    try {
        return await work(new Client(contract, service, service.tokens.storefront));
    } finally {
        const exit = await service.stop();
        assert.deepEqual(exit, { code: 0, signal: null });
    }
}

test('PostgreSQL is found by its name', async () => {
    await serving([], async () => assert.ok(names.asked.has('database.example')));
});

test('a server whose authority the system does not know is not trusted', async () => {
    names.asked.clear();
    await serving([], async (api) => {
        await api.create(storefront.order(), { expect: [503, 'clink_unavailable'] });
        assert.ok(names.asked.has('clink.example'));
        assert.deepEqual(await twin.calls({ operation: 'create' }), []);
    });
});

test('one whose authority is among the system\'s trust anchors is', async () => {
    const bundle = join(directory, 'ca-certificates.crt');
    const shipped = await mounted((root) => readFileSync(join(root, trustAnchors), 'utf8'));
    writeFileSync(bundle, `${shipped}${authority.ca}`);
    names.asked.clear();
    await serving(['--volume', `${bundle}:${trustAnchors}:ro`], async (api) => {
        const { json } = await api.create(storefront.order());
        assert.equal(json.status, 'open');
        assert.ok(names.asked.has('clink.example'));
        assert.equal((await twin.calls({ operation: 'create' })).length, 1);
    });
});
