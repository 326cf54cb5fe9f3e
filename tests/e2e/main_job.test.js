// The main job from end to end: an order becomes a page, the page is paid, and everything that is recorded of it agrees.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { openapiFile } from './support/environment.js';
import { exchange } from './support/http.js';
import { Stack } from './support/stack.js';
import { redirectSignature } from './support/storefront.js';

let stack;
let terms;
let session;
before(async () => (stack = await Stack.start('main-job')));
after(() => stack?.close());

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

test('an order becomes a session', async () => {
    terms = stack.order({
        priceDataList: [{ name: 'Enamel mug — blue', quantity: 2, unitAmount: '24.95' }],
        metadata: { channel: 'web' },
    });
    const answer = await stack.api.create(terms);
    session = answer.json;
    assert.equal(answer.headers.location, `/v1/checkout-sessions/${session.sessionId}`);
    assert.equal(answer.headers['idempotent-replayed'], undefined);
    assert.match(session.sessionId, /^sess_/);
    assert.equal(session.merchantOrderId, terms.merchantOrderId);
    assert.equal(session.attempt, 1);
    assert.equal(session.status, 'open');
    assert.equal(session.paymentStatus, 'unpaid');
    assert.equal(session.originalAmount, '49.90');
    assert.equal(session.originalCurrency, 'USD');
    assert.equal(session.uiMode, 'hostedPage');
    assert.ok(session.url.startsWith(stack.twin.pageBase), session.url);
    assert.ok(Date.parse(session.expireTime) > Date.now());
    assert.ok(Math.abs(Date.parse(session.createdAt) - Date.now()) < 60_000);
});

test('what arrived at Clink is what was asked for', async () => {
    const [call, ...more] = await stack.twin.calls({ operation: 'create', reference: terms.merchantOrderId });
    assert.deepEqual(more, []);
    const sent = JSON.parse(call.body);
    assert.equal(sent.merchantReferenceId, terms.merchantOrderId);
    assert.equal(sent.customerEmail, terms.customerEmail);
    assert.equal(sent.originalCurrency, 'USD');
    assert.equal(sent.priceDataList[0].name, 'Enamel mug — blue');
    assert.equal(sent.priceDataList[0].quantity, 2);
    assert.equal(sent.successUrl, `${stack.service.base}/checkout/success`);
    assert.ok(sent.cancelUrl.startsWith(`${stack.service.base}/checkout/cancel/`), sent.cancelUrl);
    assert.equal(sent.metadata.channel, 'web');
    assert.match(sent.metadata.checkoutAttemptId, uuid);
    for (const ours of ['merchantOrderId', 'supersede', 'extra']) assert.ok(!(ours in sent), ours);
});

test('before it is paid, the record says so', async () => {
    const { json: recorded } = await stack.api.session(session.sessionId);
    assert.deepEqual(recorded, { ...session, settledBy: null, checkedAt: null });
    const { json: order } = await stack.api.order(terms.merchantOrderId);
    assert.equal(order.state, 'unpaid');
    assert.equal(order.paid, false);
    assert.deepEqual(order.payments, []);
    assert.deepEqual(order.openDiscrepancies, []);
    assert.equal(order.cancelledAt, null);
    assert.equal(order.attempts.length, 1);
    assert.equal(order.attempts[0].status, 'open');
    assert.equal(order.attempts[0].refusal, null);
    assert.notEqual(order.attempts[0].releasedAt, null);
    assert.equal(order.terms.successUrl, terms.successUrl);
    assert.equal(order.terms.cancelUrl, terms.cancelUrl);
    assert.deepEqual(order.terms.metadata, terms.metadata);
    assert.deepEqual(order.terms.priceDataList, [
        { name: 'Enamel mug — blue', quantity: 2, unitAmount: '24.95', currency: 'USD' },
    ]);
    const [call] = await stack.twin.calls({ operation: 'create', reference: terms.merchantOrderId });
    assert.equal(order.attempts[0].attemptId, JSON.parse(call.body).metadata.checkoutAttemptId);
});

test('paying on the page leads through the service to the shop, signed', async () => {
    const back = await stack.twin.payOnPage(session.url);
    assert.equal(back, `${stack.service.base}/checkout/success?sessionId=${session.sessionId}`);

    const { headers } = await stack.api.success(session.sessionId);
    const target = new URL(headers.location);
    assert.equal(target.origin + target.pathname, terms.successUrl);
    const parameters = target.searchParams;
    assert.deepEqual([...parameters.keys()].sort(), ['merchantOrderId', 'sessionId', 'signature', 'status', 'ts']);
    assert.equal(parameters.get('merchantOrderId'), terms.merchantOrderId);
    assert.equal(parameters.get('sessionId'), session.sessionId);
    assert.equal(parameters.get('status'), 'paid');
    assert.ok(Math.abs(Number(parameters.get('ts')) - Date.now() / 1000) < 60, parameters.get('ts'));
    assert.equal(parameters.get('signature'), redirectSignature(stack.service.storefrontKey, parameters));
});

test('the order is paid, on evidence', async () => {
    const { json: order } = await stack.api.order(terms.merchantOrderId);
    assert.equal(order.state, 'paid');
    assert.equal(order.paid, true);
    assert.deepEqual(order.openDiscrepancies, []);
    const [attempt] = order.attempts;
    assert.equal(attempt.status, 'completed');
    assert.equal(attempt.paymentStatus, 'paid');
    assert.equal(attempt.settledBy, 'redirect');
    assert.notEqual(attempt.checkedAt, null);

    assert.equal(order.payments.length, 1);
    const [payment] = order.payments;
    assert.equal(payment.kind, 'payment');
    assert.equal(payment.verdict, 'exact');
    assert.equal(payment.evidence, 'redirect');
    assert.equal(payment.sessionId, session.sessionId);
    assert.equal(payment.attempt, 1);
    assert.equal(payment.amountTotal, '49.90');
    assert.equal(payment.paymentCurrency, 'USD');
    assert.equal(payment.originalAmount, '49.90');
    assert.equal(payment.refundedAmount, '0.00');
    const [paidAtClink] = await stack.twin.orders(terms.merchantOrderId);
    assert.equal(payment.clinkOrderId, paidAtClink.orderId);
    assert.equal(Date.parse(payment.paymentTime), paidAtClink.paymentTime);
});

test('the session has ended and its page is forgotten', async () => {
    const { json: recorded } = await stack.api.session(session.sessionId);
    assert.equal(recorded.status, 'completed');
    assert.equal(recorded.paymentStatus, 'paid');
    assert.equal(recorded.url, null);
    assert.equal(recorded.settledBy, 'redirect');
    assert.deepEqual((await stack.finance.session(session.sessionId)).json, recorded);
});

test('the timeline is in order, whole, and the same in pages of one', async () => {
    const events = await stack.api.events(terms.merchantOrderId);
    const kinds = events.map(({ kind }) => kind);
    for (const [earlier, later] of [
        ['attempt_created', 'session_released'],
        ['session_released', 'session_changed'],
        ['session_released', 'payment_recorded'],
    ]) {
        assert.ok(kinds.includes(earlier) && kinds.includes(later), kinds.join(' '));
        assert.ok(kinds.indexOf(earlier) < kinds.indexOf(later), kinds.join(' '));
    }
    assert.equal(kinds[0], 'attempt_created');
    assert.equal(kinds.filter((kind) => kind === 'payment_recorded').length, 1);
    const times = events.map(({ at }) => Date.parse(at));
    assert.deepEqual(times, [...times].sort((a, b) => a - b));
    const recorded = events.find(({ kind }) => kind === 'payment_recorded');
    assert.equal(recorded.source, 'redirect');
    assert.equal(recorded.attempt, 1);
    assert.ok(!JSON.stringify(events).includes(session.url), 'no checkout URL in events');
    assert.deepEqual(await stack.finance.events(terms.merchantOrderId, 1), events);
});

test('events carry the id of the request that made them', async () => {
    const order = stack.order();
    await stack.api.create(order, { headers: { 'x-request-id': 'e2e-request-1' } });
    const events = await stack.api.events(order.merchantOrderId);
    assert.ok(events.length >= 2);
    for (const { requestId } of events) assert.equal(requestId, 'e2e-request-1');
});

test('the database says the same', async () => {
    const [order] = await stack.database.query(
        'select order_id, state from checkout.orders where merchant_order_id = $1',
        [terms.merchantOrderId],
    );
    assert.equal(order.state, 'paid');
    const sessions = await stack.database.query(
        'select clink_session_id, status, payment_status, url from checkout.sessions where order_id = $1',
        [order.order_id],
    );
    assert.deepEqual(sessions, [
        { clink_session_id: session.sessionId, status: 'completed', payment_status: 'paid', url: null },
    ]);
    const payments = await stack.database.query(
        'select amount_total::text, payment_currency, verdict from checkout.payments where order_id = $1',
        [order.order_id],
    );
    assert.equal(payments.length, 1);
    assert.equal(Number(payments[0].amount_total), 49.9);
    assert.deepEqual([payments[0].payment_currency, payments[0].verdict], ['USD', 'exact']);
    const [types] = await stack.database.query(
        "select pg_typeof(amount_total)::text as money, pg_typeof(recorded_at)::text as time from checkout.payments limit 1",
    );
    assert.deepEqual(types, { money: 'numeric', time: 'timestamp with time zone' });
});

test('events cannot be changed, deleted or truncated, not even by a superuser', async () => {
    for (const statement of [
        "update checkout.events set kind = 'x'",
        'delete from checkout.events',
        'truncate checkout.events cascade',
    ])
        await assert.rejects(stack.database.query(statement), statement);
});

test('the serving role owns nothing and cannot touch the schema', async () => {
    const [{ owned }] = await stack.database.query(
        `select count(*)::int as owned from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname = $1`,
        [stack.database.server.role],
    );
    assert.equal(owned, 0);
    const [{ may }] = await stack.database.query(
        `select has_schema_privilege($1, 'checkout', 'create')
             or has_table_privilege($1, 'checkout.events', 'update')
             or has_table_privilege($1, 'checkout.events', 'delete')
             or has_table_privilege($1, 'checkout.events', 'truncate') as may`,
        [stack.database.server.role],
    );
    assert.equal(may, false);
});

test('finance sees the payment, by filters and in pages', async () => {
    const others = [];
    for (const [amount, currency] of [['500', 'JPY'], ['1.250', 'KWD'], ['7.00', 'USD']]) {
        const order = stack.order({ originalAmount: amount, originalCurrency: currency });
        const { json } = await stack.api.create(order);
        await stack.twin.pay(json.sessionId);
        await stack.api.refresh(json.sessionId);
        others.push(order.merchantOrderId);
    }
    const all = (await stack.finance.payments()).json.items;
    assert.deepEqual(all.map(({ merchantOrderId }) => merchantOrderId), [terms.merchantOrderId, ...others]);
    const [first] = all;
    assert.equal(first.sessionId, session.sessionId);
    assert.deepEqual([first.originalAmount, first.originalCurrency], ['49.90', 'USD']);
    assert.deepEqual([first.amountTotal, first.paymentCurrency], ['49.90', 'USD']);
    assert.deepEqual([first.verdict, first.evidence], ['exact', 'redirect']);
    assert.deepEqual(all.map(({ amountTotal }) => amountTotal), ['49.90', '500', '1.250', '7.00']);

    const paged = [];
    let cursor;
    do {
        const { json } = await stack.finance.payments({ limit: '1', ...(cursor && { cursor }) });
        assert.ok(json.items.length <= 1);
        paged.push(...json.items);
        cursor = json.nextCursor;
    } while (cursor);
    assert.deepEqual(paged, all);

    const ids = async (query) => (await stack.finance.payments(query)).json.items.map(({ paymentId }) => paymentId);
    assert.deepEqual(await ids({ currency: 'USD' }), [all[0].paymentId, all[3].paymentId]);
    assert.deepEqual(await ids({ verdict: 'short' }), []);
    assert.deepEqual(await ids({ from: all[1].recordedAt, to: all[3].recordedAt }), [all[1].paymentId, all[2].paymentId]);
    assert.deepEqual(await ids({ axis: 'paymentTime', from: '2000-01-01', to: '2000-01-02' }), []);
    const today = all[0].recordedAt.slice(0, 10);
    assert.ok((await ids({ from: today })).includes(all[0].paymentId));
    assert.deepEqual(await ids({ to: today }), []);
});

test('a wrong query of finance is refused by name', async () => {
    const wrong = {
        from: 'yesterday', to: '2026-13-01', axis: 'createdAt', currency: 'usd', verdict: 'fine', limit: '0', cursor: 'x', form: '1',
    };
    for (const [name, value] of Object.entries(wrong)) {
        const { json } = await stack.finance.payments({ [name]: value }, { expect: [422, 'validation_failed'] });
        assert.deepEqual(json.errors.map(({ pointer }) => pointer), [`/${name}`]);
    }
    const { json } = await stack.finance.payments(wrong, { expect: [422, 'validation_failed'] });
    const named = new Set(json.errors.map(({ pointer }) => pointer));
    for (const name of Object.keys(wrong)) assert.ok(named.has(`/${name}`), name);
    await stack.finance.payments({ from: '2026-02-01', to: '2026-01-01' }, { expect: [422, 'validation_failed'] });
    await stack.finance.payments({ limit: '1001' }, { expect: [422, 'validation_failed'] });
    await stack.finance.payments({}, { headers: { accept: 'image/png' }, expect: [406, 'not_acceptable'] });
    const events = { params: { merchantOrderId: terms.merchantOrderId }, query: { limit: 'ten' } };
    await stack.api.call('listOrderEvents', { ...events, expect: [422, 'validation_failed'] });
});

test('unknown orders and sessions are not found, without asking Clink', async () => {
    const before = await stack.twin.callCount();
    await stack.api.order('no-such-order', { expect: [404, 'order_not_found'] });
    await stack.api.cancel('no-such-order', { expect: [404, 'order_not_found'] });
    await stack.api.session('sess_unknown', { expect: [404, 'session_not_found'] });
    await stack.api.refresh('sess_unknown', { expect: [404, 'session_not_found'] });
    const events = { params: { merchantOrderId: 'no-such-order' }, expect: [404, 'order_not_found'] };
    await stack.api.call('listOrderEvents', events);
    assert.equal(await stack.twin.callCount(), before);
});

test('order ids are any text, and percent-encoded in paths', async () => {
    for (const merchantOrderId of ['a/b?c#d', '100% möglich', '注文-1', 'a b', '%2F', 'A+B', 'cancel', 'events']) {
        await stack.api.create(stack.order({ merchantOrderId }));
        assert.equal((await stack.api.order(merchantOrderId)).json.merchantOrderId, merchantOrderId);
        assert.ok((await stack.api.events(merchantOrderId)).length >= 2);
        const [call] = await stack.twin.calls({ operation: 'create', reference: merchantOrderId });
        assert.equal(JSON.parse(call.body).merchantReferenceId, merchantOrderId);
    }
});

test('the document and the probes are served', async () => {
    const { text, headers } = await stack.api.as(null).call('getOpenapi', { expect: 200 });
    assert.equal(text, readFileSync(openapiFile, 'utf8'));
    assert.equal(headers['content-type'].split(';')[0], 'application/yaml');
    const { text: page } = await stack.api.as(null).call('getDocs', { expect: 200 });
    for (const path of ['/v1/checkout-sessions', '/v1/orders/{merchantOrderId}', '/docs'])
        assert.ok(page.includes(`href="#${path}"`) && page.includes(`id="${path}"`), path);
    const { json: live } = await stack.api.as(null).call('livez', { expect: 200 });
    assert.equal(live.status, 'live');
    const { json: ready } = await stack.api.as(null).call('readyz', { expect: 200 });
    assert.deepEqual(ready, { status: 'ready', reasons: [] });
});

test('each listener has its own paths only', async () => {
    for (const path of ['/livez', '/readyz', '/metrics']) await stack.api.raw({ path, expect: [404, 'not_found'] });
    const { status } = await exchange(stack.service.admin, { path: `/v1/orders/${terms.merchantOrderId}` });
    assert.equal(status, 404);
});
