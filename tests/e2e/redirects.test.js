// The two addresses that customers' browsers are sent to. Nothing that a browser brings is believed, and nobody is sent to
// where the record does not say.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { Stack } from './support/stack.js';
import { redirectSignature } from './support/storefront.js';

let stack;
before(async () => (stack = await Stack.start('redirects', { env: { CLINK_TIMEOUT_MS: '5000' } })));
after(() => stack?.close());

async function created(changes) {
    const terms = stack.order(changes);
    const { json } = await stack.api.create(terms);
    return { ...json, terms };
}

const cancelTokenOf = async ({ merchantOrderId }) => {
    const calls = await stack.twin.calls({ operation: 'create', reference: merchantOrderId });
    return JSON.parse(calls.at(-1).body).cancelUrl.split('/').pop();
};

describe('/checkout/success with a sessionId that is not ours', () => {
    const page = (path, headers) => stack.api.as(null).raw({ path, headers });

    async function silently(work) {
        const before = await stack.twin.callCount();
        await work();
        assert.equal(await stack.twin.callCount(), before, 'no call to Clink');
    }

    const cases = [
        ['none', '/checkout/success', 400],
        ['an empty one', '/checkout/success?sessionId=', 400],
        ['another parameter', '/checkout/success?session_id=sess_x', 400],
        ['an unknown one', '/checkout/success?sessionId=sess_unknown', 404],
        ['a random one', `/checkout/success?sessionId=sess_${randomBytes(12).toString('hex')}`, 404],
    ];
    for (const [name, path, status] of cases)
        test(`${name}: ${status}`, () =>
            silently(async () => {
                const answer = await page(path);
                assert.equal(answer.status, status);
                assert.equal(answer.headers['content-type'].split(';')[0], 'text/html');
                assert.equal(answer.headers.location, undefined);
                stack.contract.checkAnswer('checkoutSuccess', answer);
                const json = await page(path, { accept: 'application/json' });
                assert.equal(json.status, status);
                stack.contract.checkAnswer('checkoutSuccess', json);
                const code = status === 404 ? ['session_not_found'] : ['session_id_missing', 'session_id_malformed'];
                assert.ok(code.includes(json.json.code), json.text);
            }));

    const malformed = [
        '%00', '%0d%0aLocation:%20https://evil.example', '..%2f..%2fetc', '%3Cscript%3Ealert(1)%3C/script%3E', 'a%20b', '%ff', '%', '%zz',
        'x'.repeat(2000), 'sess_x%00', "sess_x'%20or%201=1--", '%E6%B3%A8',
    ];
    for (const text of malformed)
        test(`malformed: ${text.slice(0, 40)}`, () =>
            silently(async () => {
                const answer = await page(`/checkout/success?sessionId=${text}`);
                assert.ok([400, 404].includes(answer.status), String(answer.status));
                assert.equal(answer.headers.location, undefined);
                assert.ok(!answer.text.includes('<script>alert'), 'nothing is echoed as markup');
            }));

    test('one of another merchant', async () => {
        const foreign = await stack.twin.foreignSession();
        await silently(async () => {
            await stack.api.success(foreign, { expect: 404 });
            await stack.api.refresh(foreign, { expect: [404, 'session_not_found'] });
            await stack.api.session(foreign, { expect: [404, 'session_not_found'] });
        });
    });

    test('two at once', async () => {
        const { sessionId } = await created();
        await silently(async () => {
            const answer = await page(`/checkout/success?sessionId=${sessionId}&sessionId=sess_other`);
            assert.ok([400, 404].includes(answer.status), String(answer.status));
            assert.equal(answer.headers.location, undefined);
        });
    });

    test('one that was never released', async () => {
        const terms = stack.order();
        await stack.twin.fault({ operation: 'create', fault: 'delay', match: terms.merchantOrderId, delay_ms: 2_000 });
        const create = stack.api.create(terms, { expect: [409, 'order_cancelled'] });
        await stack.twin.called({ operation: 'create', reference: terms.merchantOrderId });
        await stack.api.cancel(terms.merchantOrderId);
        await create;
        const [{ sessionId }] = await stack.twin.sessions(terms.merchantOrderId);
        const answer = await stack.api.success(sessionId, { expect: undefined });
        assert.ok(answer.status === 404 || answer.headers.location?.startsWith(terms.successUrl), String(answer.status));
    });
});

describe('/checkout/success sends to the recorded address only', () => {
    test('whatever else the request says', async () => {
        const { sessionId, terms } = await created();
        await stack.twin.pay(sessionId);
        const extras = ['successUrl', 'url', 'redirect', 'return', 'returnUrl', 'next', 'merchantOrderId', 'status'];
        const query = { sessionId, ...Object.fromEntries(extras.map((name) => [name, 'https://evil.example/'])) };
        const headers = {
            host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'gopher', forwarded: 'host=evil.example',
            referer: 'https://evil.example/', origin: 'https://evil.example',
        };
        const { headers: answer } = await stack.api.as(null).call('checkoutSuccess', { query, headers, expect: 303 });
        const target = new URL(answer.location);
        assert.equal(target.origin + target.pathname, terms.successUrl);
        assert.equal(target.searchParams.get('status'), 'paid');
        assert.ok(!answer.location.includes('evil'), answer.location);
    });

    test('with its own query and fragment kept, and same-named parameters replaced', async () => {
        const successUrl = stack.storefront.url('/thanks?status=paid&a=1&signature=forged&b=%2F%26%C3%A9&ts=1&status=x#part?status=paid');
        const { sessionId, merchantOrderId } = await created({ successUrl, merchantOrderId: `a&b=c#é ${randomBytes(4).toString('hex')}` });
        await stack.twin.pay(sessionId);
        const { headers } = await stack.api.success(sessionId);
        const target = new URL(headers.location);
        assert.equal(target.hash, '#part?status=paid');
        for (const name of ['status', 'signature', 'ts', 'sessionId', 'merchantOrderId'])
            assert.equal(target.searchParams.getAll(name).length, 1, name);
        assert.ok(headers.location.includes('a=1'));
        assert.ok(headers.location.includes('b=%2F%26%C3%A9'), headers.location);
        assert.equal(target.searchParams.get('merchantOrderId'), merchantOrderId);
        assert.equal(target.searchParams.get('signature'), redirectSignature(stack.service.storefrontKey, target.searchParams));
        assert.match(headers.location, /^[!-~]+$/);
    });

    test('and shows a plain page when there is none', async () => {
        const { sessionId, merchantOrderId } = await created({ successUrl: undefined, cancelUrl: undefined });
        await stack.twin.pay(sessionId);
        const answer = await stack.api.success(sessionId, { expect: 200 });
        assert.equal(answer.headers['content-type'].split(';')[0], 'text/html');
        assert.doesNotMatch(answer.text, /(src|href)\s*=\s*["']?(https?:)?\/\//i, 'loads nothing from elsewhere');
        assert.equal((await stack.api.order(merchantOrderId)).json.state, 'paid');
        const token = await cancelTokenOf({ merchantOrderId });
        await stack.api.left(token, { expect: 200 });
    });

    test('as JSON when asked so', async () => {
        const { sessionId, merchantOrderId } = await created();
        await stack.twin.pay(sessionId);
        const { json, headers } = await stack.api.success(sessionId, { headers: { accept: 'application/json' }, expect: 200 });
        assert.equal(headers.location, undefined);
        assert.deepEqual([json.merchantOrderId, json.paid, json.certainty], [merchantOrderId, true, 'confirmed']);
        const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };
        await stack.api.success(sessionId, { headers: browser });
    });
});

describe('/checkout/success tells what Clink says', () => {
    const statusOf = async (sessionId) => {
        const { headers } = await stack.api.success(sessionId);
        const { searchParams } = new URL(headers.location);
        assert.equal(searchParams.get('signature'), redirectSignature(stack.service.storefrontKey, searchParams));
        return searchParams.get('status');
    };

    test('a forged return before payment is unpaid, after asking three times', async () => {
        const { sessionId, merchantOrderId } = await created();
        assert.equal(await statusOf(sessionId), 'unpaid');
        assert.equal((await stack.twin.calls({ operation: 'get_session', reference: merchantOrderId })).length, 3);
        assert.equal((await stack.api.order(merchantOrderId)).json.state, 'unpaid');
    });

    test('and again and again is unpaid, though the questions about a session are bounded', async () => {
        const { sessionId } = await created();
        for (let i = 0; i < 3; i++) assert.equal(await statusOf(sessionId), 'unpaid');
    });

    /** The status for who comes back unpaid when, at the first look, `happens` at Clink. A machine that stood still for as long as
        the service waits had it come too late: then once more. */
    async function statusWhen(happens) {
        let status = 'unpaid';
        for (let tries = 0; tries < 3 && status === 'unpaid'; tries++) {
            const { sessionId, merchantOrderId } = await created();
            const answer = statusOf(sessionId);
            await stack.twin.called({ operation: 'get_session', reference: merchantOrderId });
            await happens(sessionId);
            status = await answer;
        }
        return status;
    }

    test('a payment that comes while it waits is seen', async () => {
        assert.equal(await statusWhen((sessionId) => stack.twin.pay(sessionId)), 'paid');
    });

    test('unpaid at first, and then nothing: processing', async () => {
        const silence = { operation: 'get_session', fault: 'http_status', status: 503, count: 0 };
        assert.equal(await statusWhen((match) => stack.twin.fault({ ...silence, match })), 'processing');
        await stack.twin.clearFaults();
    });

    test('processing', async () => {
        const { sessionId } = await created();
        await stack.twin.act(sessionId, 'process');
        assert.equal(await statusOf(sessionId), 'processing');
    });

    test('expired', async () => {
        const { sessionId } = await created();
        await stack.twin.act(sessionId, 'expire');
        assert.equal(await statusOf(sessionId), 'expired');
    });

    test('nothing: processing', async () => {
        const { sessionId, merchantOrderId } = await created();
        await stack.twin.fault({ operation: 'get_session', match: sessionId, fault: 'http_status', status: 503, count: 0 });
        assert.equal(await statusOf(sessionId), 'processing');
        await stack.twin.clearFaults();
        assert.equal((await stack.api.order(merchantOrderId)).json.state, 'unpaid');
    });

    test('paid, again and again, from the record', async () => {
        const { sessionId, merchantOrderId } = await created();
        await stack.twin.pay(sessionId);
        assert.equal(await statusOf(sessionId), 'paid');
        const before = await stack.twin.callCount();
        for (let i = 0; i < 3; i++) assert.equal(await statusOf(sessionId), 'paid');
        assert.equal(await stack.twin.callCount(), before);
        assert.equal((await stack.api.order(merchantOrderId)).json.payments.length, 1);
    });
});

describe('/checkout/cancel/{token}', () => {
    test('sends back unchanged, once recorded, and changes nothing', async () => {
        const cancelUrl = stack.storefront.url('/cart?a=%20b&c#d');
        const { url, merchantOrderId, sessionId, terms } = await created({ cancelUrl });
        const back = await stack.twin.leavePage(url);
        const token = await cancelTokenOf({ merchantOrderId });
        assert.equal(back, `${stack.service.base}/checkout/cancel/${token}`);

        const before = await stack.twin.callCount();
        for (let i = 0; i < 3; i++) assert.equal((await stack.api.left(token)).headers.location, cancelUrl);
        assert.equal(await stack.twin.callCount(), before);
        const events = await stack.api.events(merchantOrderId);
        assert.equal(events.filter(({ kind }) => kind === 'customer_left').length, 1);
        const { json: recorded } = await stack.api.session(sessionId);
        assert.deepEqual([recorded.status, recorded.paymentStatus, recorded.url], ['open', 'unpaid', url]);
        await stack.api.create(terms, { expect: 200 });
        assert.equal(await stack.twin.payOnPage(url), `${stack.service.base}/checkout/success?sessionId=${sessionId}`);
    });

    test('takes no other token', async () => {
        const { merchantOrderId, sessionId } = await created();
        const token = await cancelTokenOf({ merchantOrderId });
        const flipped = (at) => token.slice(0, at) + (token[at] === 'a' ? 'b' : 'a') + token.slice(at + 1);
        const { storefrontKey, signingKey } = stack.service;
        const forgeries = [
            'x', sessionId, merchantOrderId, flipped(0), flipped(Math.floor(token.length / 2)), flipped(token.length - 2),
            `${token}x`, token.slice(0, -1), storefrontKey.toString('hex'), signingKey.slice(0, 10), `${token}/`,
        ];
        for (const forged of forgeries) {
            const answer = await stack.api.left(forged, { expect: 404 });
            assert.equal(answer.headers.location, undefined);
        }
        assert.deepEqual((await stack.api.events(merchantOrderId)).filter(({ kind }) => kind === 'customer_left'), []);
    });

    test('differs from attempt to attempt and is not to be guessed', async () => {
        const tokens = new Set();
        for (let i = 0; i < 5; i++) tokens.add(await cancelTokenOf(await created()));
        assert.equal(tokens.size, 5);
        for (const token of tokens) assert.ok(token.length >= 32, token);
    });

    test('as a problem document when JSON is asked for', async () => {
        const { json } = await stack.api.left('x', { headers: { accept: 'application/json' }, expect: 404 });
        assert.equal(json.code, 'cancel_token_not_found');
    });
});

describe('elements', () => {
    test('keep their returnUrl', async () => {
        const returnUrl = stack.storefront.url('/return?session_id={ELEMENTS_SESSION_ID}');
        const { merchantOrderId, sessionId, url } = await created({ uiMode: 'elements', returnUrl });
        assert.equal(url, null);
        const [call] = await stack.twin.calls({ operation: 'create', reference: merchantOrderId });
        assert.equal(JSON.parse(call.body).returnUrl, returnUrl);
        await stack.twin.pay(sessionId);
        assert.equal((await stack.api.refresh(sessionId)).json.paid, true);
    });
});

describe('two signing keys', () => {
    test('the first signs, and tokens of both are good', async () => {
        const { merchantOrderId } = await created();
        const oldToken = await cancelTokenOf({ merchantOrderId });
        const newKey = randomBytes(24).toString('hex');
        const env = {
            REDIRECT_SIGNING_KEY: `${newKey},${stack.service.signingKey}`,
            PUBLIC_BASE_URL: stack.service.base,
        };
        const rotated = await stack.serve('redirects-rotated', { env });
        rotated.signingKey = newKey;
        const client = stack.clientOf(rotated);
        await client.left(oldToken);
        const terms = stack.order();
        const { json } = await client.create(terms);
        await stack.twin.pay(json.sessionId);
        const { searchParams } = new URL((await client.success(json.sessionId)).headers.location);
        assert.equal(searchParams.get('signature'), redirectSignature(rotated.storefrontKey, searchParams));
        await stack.api.left(await cancelTokenOf(terms), { expect: 404 });
    });
});

describe('without PUBLIC_BASE_URL', () => {
    test("Clink gets the caller's own addresses, and ours are not there", async () => {
        const service = await stack.serve('redirects-off', { redirects: false });
        const client = stack.clientOf(service);
        const terms = stack.order();
        const { json } = await client.create(terms);
        const [call] = await stack.twin.calls({ operation: 'create', reference: terms.merchantOrderId });
        const sent = JSON.parse(call.body);
        assert.deepEqual([sent.successUrl, sent.cancelUrl], [terms.successUrl, terms.cancelUrl]);
        assert.equal(await stack.twin.payOnPage(json.url), `${terms.successUrl}?sessionId=${json.sessionId}`);
        await client.success(json.sessionId, { expect: 404 });
        await client.left('x', { expect: 404 });
        assert.equal((await client.refresh(json.sessionId)).json.paid, true);
    });
});
