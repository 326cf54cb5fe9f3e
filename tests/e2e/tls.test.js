// TLS on both sides: the service's own listener, clients with certificates, and a Clink whose certificate must be right.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Authority } from './support/certificates.js';
import { exchange } from './support/http.js';
import { Stack } from './support/stack.js';

let authority;
let stranger;
let server;
let member;
let impostor;
before(async () => {
    authority = await Authority.create('Test CA');
    stranger = await Authority.create('Another CA');
    server = await authority.issue('server', ['IP:127.0.0.1', 'DNS:localhost']);
    member = await authority.issue('member', ['DNS:member.example']);
    impostor = await stranger.issue('impostor', ['DNS:member.example', 'IP:127.0.0.1', 'DNS:localhost']);
});
after(() => {
    authority?.remove();
    stranger?.remove();
});

describe('the main listener', () => {
    let stack;
    before(async () => {
        const env = { TLS_CERT_FILE: server.certFile, TLS_KEY_FILE: server.keyFile };
        stack = await Stack.start('tls', { env, tls: { ca: authority.ca } });
    });
    after(() => stack?.close());

    test('speaks TLS, and the whole job works over it', async () => {
        const terms = stack.order();
        const { json } = await stack.api.create(terms);
        const back = await stack.twin.payOnPage(json.url);
        assert.ok(back.startsWith('https://127.0.0.1:'), back);
        assert.ok((await stack.api.success(json.sessionId)).headers.location.includes('status=paid'));
        assert.equal((await stack.api.order(terms.merchantOrderId)).json.state, 'paid');
    });

    test('speaks nothing else', async () => {
        const plain = stack.service.base.replace('https:', 'http:');
        await assert.rejects(exchange(plain, { path: '/openapi.yaml' }));
        await stack.api.as(null).call('getOpenapi', { expect: 200 });
    });

    test('speaks no TLS below 1.2', async () => {
        const old = { ca: authority.ca, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0', agent: false };
        await assert.rejects(exchange(stack.service.base, { path: '/openapi.yaml', tls: old }));
    });
});

describe('mutual TLS', () => {
    let stack;
    before(async () => {
        const env = { TLS_CERT_FILE: server.certFile, TLS_KEY_FILE: server.keyFile, TLS_CLIENT_CA_FILE: authority.certFile };
        const tls = { ca: authority.ca, cert: member.cert, key: member.key };
        stack = await Stack.start('mutual-tls', { env, tls });
    });
    after(() => stack?.close());

    test('lets a client with a certificate and a token in', async () => {
        await stack.api.create(stack.order());
        await stack.api.as(null).order('x', { expect: [401, 'unauthorized'] });
    });

    test('lets nobody without a certificate under /v1', async () => {
        const bare = stack.api.over({ ca: authority.ca });
        await bare.order('x', { expect: [403, 'client_certificate_required'] });
        const before = await stack.twin.callCount();
        await bare.create(stack.order(), { expect: [403, 'client_certificate_required'] });
        assert.equal(await stack.twin.callCount(), before);
    });

    test('lets nobody in with a certificate of another authority', async () => {
        const wrong = stack.api.over({ ca: authority.ca, cert: impostor.cert, key: impostor.key });
        const answer = await wrong.call('getOrder', { params: { merchantOrderId: 'x' } }).catch((error) => error);
        assert.ok(answer instanceof Error || [401, 403].includes(answer.status), String(answer.status));
    });

    test('asks no certificate of customers', async () => {
        const { json } = await stack.api.create(stack.order());
        await stack.twin.pay(json.sessionId);
        const browser = stack.api.over({ ca: authority.ca });
        assert.ok((await browser.success(json.sessionId)).headers.location.includes('status=paid'));
        await browser.as(null).call('getOpenapi', { expect: 200 });
    });
});

describe('Clink over TLS', () => {
    let stack;
    before(async () => {
        const twinTls = { ...(await authority.issue('clink', ['DNS:localhost'])), name: 'localhost' };
        stack = await Stack.start('clink-tls', { env: { CLINK_CA_FILE: authority.certFile }, twinTls });
    });
    after(() => stack?.close());

    test('is trusted by its authority and name', async () => {
        const { json } = await stack.api.create(stack.order());
        await stack.twin.pay(json.sessionId);
        assert.equal((await stack.api.refresh(json.sessionId)).json.paid, true);
    });

    const never = [503, 'clink_unavailable'];
    for (const [name, env] of [
        ['by nobody else', { CLINK_CA_FILE: undefined }],
        ['not by another authority', () => ({ CLINK_CA_FILE: stranger.certFile })],
        ['not under another name', () => ({ CLINK_API_BASE_URL: stack.twin.apiBase.replace('localhost', '127.0.0.1') })],
    ])
        test(`${name}, and then gets neither the key nor the order`, async () => {
            const settings = { CLINK_CA_FILE: authority.certFile, ...(typeof env === 'function' ? env() : env) };
            const client = stack.clientOf(await stack.serve('clink-tls-wrong', { env: settings }));
            const before = await stack.twin.callCount();
            const terms = stack.order();
            await client.create(terms, { expect: never });
            assert.equal(await stack.twin.callCount(), before);
            const { json } = await client.order(terms.merchantOrderId);
            assert.deepEqual([json.attempts[0].status, json.attempts[0].refusal.code], ['refused', 'never_sent']);
        });
});
