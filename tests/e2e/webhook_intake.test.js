// What the webhook endpoint takes, keeps and answers.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Stack } from './support/stack.js';
import { assertPaidOnce, deliver, eventText, handled, idOf, inbox, paidClaim, signatureOf, webhookKey } from './support/webhooks.js';

// Sessions are asked about on a webhook's word alone: the sweeper works off the inbox, and its schedule is far off.
const env = {
    CLINK_TIMEOUT_MS: '3000', SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '3600', DATABASE_POOL_SIZE: '8',
    WEBHOOK_ACCOUNT_WEBSITE: 'https://shop.example',
};
const keys = [webhookKey(), webhookKey()];

let stack;
before(async () => {
    stack = await Stack.start('webhook-intake', { env: { ...env, CLINK_WEBHOOK_SIGNING_KEY: keys.join() }, webhooks: {} });
});
after(() => stack?.close());

const created = async (changes) => (await stack.api.create(stack.order(changes))).json;
const keptCount = async () => (await stack.database.query('select count(*)::int as n from checkout.webhooks'))[0].n;

describe('a signature', () => {
    const vector =
        '{"id":"event_vec_1","object":"event","created":1790000000000,"type":"order.succeeded","data":' +
        '{"object":{"orderId":"order_vec_1"}}}';
    const accented =
        '{"id":"event_vec_2","object":"event","created":1790000000001,"type":"session.complete","data":' +
        '{"object":{"merchantReferenceId":"r\\u00e9f-1","note":"é"}}}';
    let judge;
    before(async () => {
        const settings = {
            ...env, CLINK_WEBHOOK_SIGNING_KEY: 'whsec_local_simulator_key,test_webhook_signing_key', CLINK_WEBHOOK_TOLERANCE_SECONDS: '0',
        };
        judge = stack.clientOf(await stack.serve('webhooks-vectors', { env: settings }));
    });

    for (const [name, timestamp, body, signature] of [
        ['in milliseconds', '1790000000000', vector, 'c5110d2cf2db49b1a7f9f3b391de79d8d72780eaffb314b4b692d5ac75520f67'],
        ['in seconds', '1790000000', vector, '7c554c63027367d0e3dbeae185855db2b51b444802a984e2714b151df6381d9a'],
        ['over UTF-8 and escapes', '1790000000001', accented, 'fd16f1e07b6a1c78b9dfcc0fa5a8941a744b8df8a9ded3ae81c9d3af4628f143'],
        ['as published', '1700000000000', '{"id":"evt_test"}', 'e07064a60193e751786c3f5a37fe7a5dc816bba53a2cb7781d0246b035dddfda'],
    ])
        test(`by the known vector ${name}`, async () => {
            const headers = { 'x-clink-timestamp': timestamp, 'x-clink-signature': signature };
            await judge.webhook(body, headers, { expect: 200 });
            const wrong = signature.replace(/^./, (c) => (c === '0' ? '1' : '0'));
            await judge.webhook(body, { ...headers, 'x-clink-signature': wrong }, { expect: 401 });
            await judge.webhook(`${body} `, headers, { expect: 401 });
            const [kept, ...more] = await inbox(stack.database, [idOf(body)]);
            assert.deepEqual(more, []);
            assert.deepEqual(kept.body, Buffer.from(body));
        });

    const now = (shift = 0) => Date.now() + shift * 1000;
    for (const [name, sent] of [
        ['of this moment', () => ({})],
        ['in seconds', () => ({ timestamp: String(Math.floor(now() / 1000)) })],
        ['290 s old', () => ({ timestamp: String(now(-290)) })],
        ['290 s ahead', () => ({ timestamp: String(now(290)) })],
        ['with the second key', () => ({ key: keys[1] })],
        ['without X-Clink-SignType', () => ({ headers: { 'x-clink-signtype': null } })],
    ])
        test(`is good: ${name}`, async () => {
            const body = eventText('order.created', { orderId: 'order_of_nobody' });
            await deliver(stack.api, body, sent());
            assert.deepEqual((await inbox(stack.database, [idOf(body)])).map(({ late }) => late), [false]);
        });

    const given = (change) => ({ headers: { 'x-clink-signature': change } });
    const good = (body, timestamp) => signatureOf(keys[0], timestamp, body);
    for (const [name, sent] of [
        ['wrong', () => given('0'.repeat(64))],
        ['absent', () => given(null)],
        ['empty', () => given('')],
        ['cut short', (body, at) => ({ timestamp: at, ...given(good(body, at).slice(0, 63)) })],
        ['with a prefix', (body, at) => ({ timestamp: at, ...given(`sha256=${good(body, at)}`) })],
        ['of another body', (_, at) => ({ timestamp: at, ...given(good('{}', at)) })],
        ['of another moment', (body, at) => ({ timestamp: at, ...given(good(body, String(Number(at) + 1))) })],
        ['of the body alone', (body) => given(signatureOf(keys[0], '', body))],
        ['with another key', () => ({ key: webhookKey() })],
        ['with both keys as one', () => ({ key: keys.join() })],
        ['with the key without its prefix', () => ({ key: keys[0].slice('whsec_'.length) })],
        ['of a type that is not SHA256', () => ({ headers: { 'x-clink-signtype': 'SHA512' } })],
        ['without a timestamp', () => ({ headers: { 'x-clink-timestamp': null } })],
        ['with an empty timestamp', () => ({ timestamp: '' })],
        ['with a sign', (_, at) => ({ timestamp: `+${at}` })],
        ['with a negative timestamp', (_, at) => ({ timestamp: `-${at}` })],
        ['with a leading zero', (_, at) => ({ timestamp: `0${at}` })],
        ['with a fraction', (_, at) => ({ timestamp: `${at}.0` })],
        ['with an exponent', () => ({ timestamp: '1.7e12' })],
        ['with a timestamp beyond 64 bits', () => ({ timestamp: '9'.repeat(30) })],
    ])
        test(`is no good, and nothing is kept: ${name}`, async () => {
            const body = eventText('order.created', { orderId: 'order_of_nobody' });
            const before = await keptCount();
            await deliver(stack.api, body, { ...sent(body, String(Date.now())), expect: [401, 'webhook_signature_invalid'] });
            assert.equal(await keptCount(), before);
        });
});

describe('an authentic webhook outside the window', () => {
    for (const offset of [-600, 600])
        test(`by ${offset} s is refused, kept, and a reason to ask`, async () => {
            const session = await created();
            await stack.webhooks({ timestamp_offset_seconds: offset, max_retries: 0 });
            await stack.twin.pay(session.sessionId);
            const sent = await stack.twin.webhooks(session.sessionId);
            assert.equal(sent.length, 3);
            for (const { attempts, state } of sent) assert.deepEqual([attempts.map(({ status }) => status), state], [[401], 'given_up']);
            const kept = await inbox(stack.database, sent.map(({ id }) => id));
            assert.deepEqual(kept.map(({ late }) => late), [true, true, true]);
            await assertPaidOnce(stack, session);

            await stack.webhooks();
            for (const { id } of sent) await stack.twin.control('POST', `webhooks/${id}/resend`);
            for (const { state } of await stack.twin.webhooks(session.sessionId)) assert.equal(state, 'delivered');
            assert.equal((await inbox(stack.database, sent.map(({ id }) => id))).length, 3);
            await assertPaidOnce(stack, session);
        });

    test('has a code of its own', async () => {
        const body = eventText('order.created', { orderId: 'order_of_nobody' });
        await deliver(stack.api, body, { timestamp: String(Date.now() - 310_000), expect: [401, 'webhook_late'] });
        await deliver(stack.api, body, { timestamp: String(Math.floor(Date.now() / 1000) + 310), expect: [401, 'webhook_late'] });
        assert.equal((await inbox(stack.database, [idOf(body)])).length, 1);
    });
});

describe('the inbox', () => {
    test('holds the bytes as they came', async () => {
        const body = Buffer.from(
            '{ "type":"order.created",\r\n\t"id" : "event_bytes", "created":1790000000000 ,"n":1.500e2,' +
                '"data":{"object":{"orderId":"order_\\u00e9é","x":null}}}\n',
        );
        await deliver(stack.api, body);
        const [kept] = await inbox(stack.database, ['event_bytes']);
        assert.deepEqual(kept.body, body);
        assert.equal(kept.type, 'order.created');
    });

    test('holds an event once, as it came first', async () => {
        const session = await created();
        const body = eventText('session.expired', { sessionId: session.sessionId, status: 'expired', paymentStatus: 'unpaid' });
        await Promise.all(Array.from({ length: 6 }, () => deliver(stack.api, body)));
        await deliver(stack.api, eventText('order.created', { orderId: 'order_x' }, { id: idOf(body) }));
        const [kept, ...more] = await inbox(stack.database, [idOf(body)]);
        assert.deepEqual(more, []);
        assert.deepEqual(kept.body, Buffer.from(body));
        assert.equal(kept.deliveries, 7);
        await handled(stack.database, [idOf(body)]);
        const mentions = (await stack.api.events(session.merchantOrderId)).filter(({ data }) => JSON.stringify(data).includes(idOf(body)));
        assert.equal(mentions.length, 1);
    });

    test('takes what is authentic and makes no sense, and shows it', async () => {
        const odd = [
            'not json', '', '[]', '"text"', '{"id":7}', '{}', '{"id":"event_dup","id":"event_dup2"}', Buffer.from([0xff, 0xfe, 0x00]),
            eventText('order.succeeded', {}), eventText('order.succeeded', 'text'), eventText('session.complete', { sessionId: 5 }),
            eventText('unheard.of', { x: 1 }), eventText('order.succeeded', { orderId: 'order_1' }, { id: 'x'.repeat(2000) }),
            eventText('order.succeeded', { orderId: 'order_1' }, { id: 'event_\u0000' }),
            eventText('order.\u0000', { orderId: 'order_1' }), eventText('x'.repeat(5000), {}),
            eventText('order.succeeded', { orderId: 'order_\u0000', sessionId: 'sess_\u0000', merchantReferenceId: '\u0000' }),
            `{"a":`.repeat(5000) + '1' + '}'.repeat(5000),
        ];
        for (const body of odd) {
            const before = await keptCount();
            const answer = await deliver(stack.api, body, { expect: undefined });
            const shown = body.toString().slice(0, 100);
            assert.equal(answer.status, 200, `${shown}: ${answer.status} ${answer.text}`);
            assert.equal(await keptCount(), before + 1, shown);
            const [kept] = await stack.database.query('select * from checkout.webhooks order by webhook_id desc limit 1');
            assert.deepEqual(kept.body, Buffer.from(body));
            await stack.discrepancy(kept.event_id, 'orphan_event');
            await deliver(stack.api, body);
            assert.equal(await keptCount(), before + 1, `${shown}: twice`);
        }
    });

    test('takes the rest of the catalogue', async () => {
        for (const type of ['payment_method.added', 'customer.verify', 'subscription.activated', 'invoice.paid', 'agent_order.succeeded'])
        {
            const body = eventText(type, { id: 'x_1' });
            await deliver(stack.api, body);
            await handled(stack.database, [idOf(body)]);
        }
    });
});

describe('order.succeeded', () => {
    const account = (userId, email, amount = 49.9) => ({
        object: 'event',
        data: { customerEmail: email, webSite: 'https://shop.example', userId, amount, currency: 'USD' },
    });

    test("is answered with the customer's account, which Clink finds valid", async () => {
        for (const amounts_as_strings of [false, true]) {
            const session = await created();
            await stack.webhooks({ amounts_as_strings, duplicates: 1 });
            await stack.twin.pay(session.sessionId);
            const sent = await stack.twin.webhooks(session.sessionId);
            const [succeeded] = sent.filter(({ type }) => type === 'order.succeeded');
            assert.deepEqual(succeeded.attempts.map((each) => each.account_response), ['valid', 'valid']);
        }
    });

    test('names the reference of the customer, else Clink’s id', async () => {
        await stack.webhooks({ drop: ['*'] });
        for (const referenceCustomerId of ['user-77', undefined]) {
            const session = await created({ referenceCustomerId });
            const body = eventText('order.succeeded', paidClaim(session));
            const { json, headers } = await deliver(stack.api, body);
            assert.equal(headers['content-type'].split(';')[0], 'application/json');
            const { type, ...rest } = json;
            assert.ok(['account.created', 'account.reloaded'].includes(type), type);
            assert.deepEqual(rest, account(referenceCustomerId ?? session.customerId, 'ada@shop.example'));
        }
    });

    test('that names no session that is known is of the customer of its order, where all its sessions have one', async () => {
        await stack.webhooks({ drop: ['*'] });
        const terms = stack.order({ referenceCustomerId: 'user-78' });
        const { json: session } = await stack.api.create(terms);
        const answer = async (changes) => (await deliver(stack.api, eventText('order.succeeded', paidClaim(session, changes)))).json;
        for (const sessionId of [null, 'sess_unheard_of'])
            assert.deepEqual((await answer({ sessionId })).data, account('user-78', 'ada@shop.example').data, sessionId);
        await stack.api.create({ ...terms, referenceCustomerId: 'user-79', customerEmail: 'grace@shop.example', supersede: true });
        assert.equal((await answer({ sessionId: session.sessionId })).data.userId, 'user-78');
        assert.equal(await answer({ sessionId: null }), undefined);
    });

    test('copies the amount as Clink wrote it', async () => {
        const session = await created();
        for (const token of ['49.900', '49.9', '5e1', '123456789012345.6789']) {
            const body = eventText('order.succeeded', paidClaim(session, { amountTotal: 0.12321 })).replace('0.12321', token);
            const { text } = await deliver(stack.api, body);
            assert.match(text, new RegExp(`"amount": ?${token.replace('.', '\\.')}[,}]`));
        }
    });

    test('has one answer, for duplicates too', async () => {
        const session = await created();
        const body = eventText('order.succeeded', paidClaim(session));
        const first = await deliver(stack.api, body);
        const claim = paidClaim(session, { amountTotal: 1, customerEmail: 'x@y.example' });
        const other = eventText('order.succeeded', claim, { id: idOf(body) });
        for (const again of [body, body, other]) assert.equal((await deliver(stack.api, again)).text, first.text);
        assert.notEqual(first.text, '');
    });

    test('that lacks a member, or is of nobody, gets a bare 200; so do others', async () => {
        const session = await created();
        for (const [type, object] of [
            ['order.succeeded', paidClaim(session, { customerEmail: null })],
            ['order.succeeded', paidClaim(session, { amountTotal: null })],
            ['order.succeeded', paidClaim(session, { paymentCurrency: null })],
            ['order.succeeded', paidClaim({ ...session, sessionId: 'sess_of_nobody', merchantOrderId: 'of-nobody' })],
            ['order.created', paidClaim(session)],
            ['session.complete', { sessionId: session.sessionId, status: 'completed', paymentStatus: 'paid' }],
        ])
            assert.equal((await deliver(stack.api, eventText(type, object))).text, '', type);
    });

    test('gets a bare 200 without WEBHOOK_ACCOUNT_WEBSITE', async () => {
        const { WEBHOOK_ACCOUNT_WEBSITE: _, ...rest } = env;
        const settings = { ...rest, CLINK_WEBHOOK_SIGNING_KEY: webhookKey() };
        const plain = stack.clientOf(await stack.serve('webhooks-plain', { env: settings }));
        const session = await created();
        assert.equal((await deliver(plain, eventText('order.succeeded', paidClaim(session)))).text, '');
    });
});

describe('the endpoint', () => {
    test('is not there without a key', async () => {
        const off = stack.clientOf(await stack.serve('webhooks-off', { env }));
        const before = await keptCount();
        await deliver(off, eventText('order.created', {}), { key: '', expect: 404 });
        await deliver(off, eventText('order.created', {}), { key: keys[0], expect: 404 });
        assert.equal(await keptCount(), before);
    });

    test('takes 256 KiB and no more', async () => {
        const sized = (size) => {
            const body = eventText('order.created', { orderId: 'order_large', x: '' });
            return body.replace('"x":""', () => `"x":"${'y'.repeat(size - body.length)}"`);
        };
        const largest = sized(256 * 1024);
        assert.equal(largest.length, 256 * 1024);
        await deliver(stack.api, largest);
        const before = await keptCount();
        await deliver(stack.api, sized(256 * 1024 + 1), { expect: 413 });
        assert.equal(await keptCount(), before);
    });

    test('wants no token, and POST only', async () => {
        await deliver(stack.api.as(null), eventText('order.created', { orderId: 'order_of_nobody' }));
        await stack.api.as(null).raw({ path: '/webhooks/clink', expect: 405 });
    });
});
