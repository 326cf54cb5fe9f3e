// Who may call what: bearer tokens, scopes, and a token file that changes under the running service.
import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { eventually } from './support/environment.js';
import { makeTokens, recordSecrets, sha256Hex } from './support/service.js';
import { Stack } from './support/stack.js';

let stack;
let order;
let session;
before(async () => {
    stack = await Stack.start('auth');
    order = stack.order();
    session = (await stack.api.create(order)).json;
});
after(() => stack?.close());

const operations = () => [
    ['createCheckoutSession', { body: order }, ['storefront']],
    ['getCheckoutSession', { params: session }, ['storefront', 'finance']],
    ['refreshCheckoutSession', { params: session }, ['storefront']],
    ['getOrder', { params: order }, ['storefront', 'finance']],
    ['listOrderEvents', { params: order }, ['storefront', 'finance']],
    ['cancelOrder', { params: { merchantOrderId: 'no-such-order' } }, ['storefront']],
    ['listReconciliationPayments', {}, ['finance']],
];

test('without a token, or with a wrong one, every operation under /v1 answers 401', async () => {
    const { storefront } = stack.service.tokens;
    const before = await stack.twin.callCount();
    for (const [id, options] of operations()) {
        const wrong = [
            undefined, 'Bearer', 'Bearer ', 'Bearer wrong', `Bearer ${storefront}x`, `Bearer ${storefront.slice(0, -1)}`,
            `Basic ${Buffer.from(`x:${storefront}`).toString('base64')}`, storefront, `Bearer ${sha256Hex(storefront)}`,
        ];
        for (const authorization of wrong) {
            const headers = authorization === undefined ? {} : { authorization };
            const answer = await stack.api.as(null).call(id, { ...options, headers, expect: [401, 'unauthorized'] });
            assert.ok(!answer.text.includes(storefront));
        }
    }
    assert.equal(await stack.twin.callCount(), before);
});

test('each operation wants its scope', async () => {
    for (const [id, options, scopes] of operations())
        for (const scope of ['storefront', 'finance', 'operator']) {
            const client = stack.api.as(stack.service.tokens[scope]);
            const answer = await client.call(id, options);
            if (scopes.includes(scope)) assert.ok(![401, 403].includes(answer.status), `${id} as ${scope}: ${answer.status}`);
            else assert.deepEqual([answer.status, answer.json.code], [403, 'insufficient_scope'], `${id} as ${scope}`);
        }
    for (const [id, options] of operations()) {
        const { status } = await stack.api.as(stack.service.tokens.all).call(id, options);
        assert.ok(![401, 403].includes(status), id);
    }
});

test('the scheme is read in any case', async () => {
    const { storefront } = stack.service.tokens;
    for (const scheme of ['bearer', 'BEARER'])
        await stack.api.as(null).order(order.merchantOrderId, { headers: { authorization: `${scheme} ${storefront}` } });
});

test('a token in the query is no token', async () => {
    const path = `/v1/orders/${order.merchantOrderId}?access_token=${stack.service.tokens.storefront}`;
    await stack.api.as(null).raw({ path, expect: [401, 'unauthorized'] });
});

test('who may not call learns nothing of the request', async () => {
    const before = await stack.twin.callCount();
    await stack.api.as(null).call('createCheckoutSession', { body: { nonsense: true }, expect: [401, 'unauthorized'] });
    const finance = stack.api.as(stack.service.tokens.finance);
    await finance.call('createCheckoutSession', { body: { nonsense: true }, expect: [403, 'insufficient_scope'] });
    assert.equal(await stack.twin.callCount(), before);
});

test('the public paths take no token and heed none', async () => {
    for (const token of [null, 'wrong', stack.service.tokens.finance]) {
        const options = { query: { sessionId: 'sess_unknown' }, expect: 404 };
        await stack.api.as(token).call('checkoutSuccess', options);
        await stack.api.as(token).call('getOpenapi', { expect: 200 });
    }
});

describe('API_TOKENS_FILE', () => {
    let directory;
    let file;
    let service;
    let client;
    const first = makeTokens();
    const second = makeTokens();

    before(async () => {
        directory = mkdtempSync(join(tmpdir(), 'clink-checkout-tokens.'));
        file = join(directory, 'tokens');
        write(first.lines);
        service = await stack.serve('auth-file', { env: { API_TOKENS: undefined, API_TOKENS_FILE: file } });
        recordSecrets([...Object.values(first.tokens), ...Object.values(second.tokens)]);
        client = stack.clientOf(service);
    });
    after(() => rmSync(directory, { recursive: true, force: true }));

    // As an orchestrator does it: another file takes the name.
    function write(lines) {
        writeFileSync(`${file}.new`, `${lines.join('\n')}\n`, { mode: 0o600 });
        renameSync(`${file}.new`, file);
    }
    const statusWith = async (tokens) => (await client.as(tokens.storefront).call('getOrder', { params: order })).status;

    test('one token a line', async () => {
        assert.equal(await statusWith(first.tokens), 200);
        assert.equal(await statusWith(second.tokens), 401);
    });

    test('a change is read without a restart, both ways', async () => {
        write(second.lines);
        await eventually('the new token is known', async () => (await statusWith(second.tokens)) === 200);
        assert.equal(await statusWith(first.tokens), 401);
        write([...first.lines.map((line) => line.replace(/^/, 'old-')), ...second.lines]);
        await eventually('both tokens are known', async () => (await statusWith(first.tokens)) === 200);
        assert.equal(await statusWith(second.tokens), 200);
    });

    test('a broken file leaves the tokens as they were, and says so', async () => {
        writeFileSync(file, 'not a token line\n');
        await eventually('the log tells of it', async () => {
            assert.equal(await statusWith(second.tokens), 200);
            return service.process.logLines().some(({ level }) => level === 'error' || level === 'warning');
        });
        assert.equal(await statusWith(second.tokens), 200);
    });
});
