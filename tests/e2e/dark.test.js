// Attempts whose outcome is unknown: nothing of them was ever handed out, the next request makes the next attempt, and a
// payment that turns up on one all the same is found and shown.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './support/environment.js';
import { exchange } from './support/http.js';
import { Stack } from './support/stack.js';

const kindsOf = (order) => order.openDiscrepancies.map(({ kind }) => kind).sort();
const lost = { fault: 'lost_answer', expect: [504, 'clink_outcome_unknown'], status: 'dark' };

/** An order whose first attempt came to nothing that the caller knows of, while Clink has the session. */
async function withoutAnswer(stack, { expect, status, ...fault } = lost, terms = stack.order()) {
    await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, after_work: true, ...fault });
    const answer = await stack.api.create(terms, { expect });
    assert.ok(!answer.text.includes('/pay/'), 'no page leaves');
    const { json: order } = await stack.api.order(terms.merchantOrderId);
    const attempt = order.attempts.at(-1);
    assert.deepEqual([attempt.status, attempt.sessionId, attempt.releasedAt], [status, null, null]);
    const hidden = (await stack.twin.sessions(terms.merchantOrderId)).at(-1);
    return { terms, hidden, merchantOrderId: terms.merchantOrderId };
}

/** A session at Clink that bears a reference of ours and that this service never asked for. */
async function madeElsewhere(stack, merchantReferenceId, metadata = {}) {
    const body = JSON.stringify({
        originalAmount: 10, originalCurrency: 'USD', customerEmail: 'else@where.example', merchantReferenceId, metadata,
        priceDataList: [{ name: 'x', unitAmount: 10, quantity: 1 }],
    });
    const headers = { 'x-api-key': stack.twin.apiKey, 'x-timestamp': String(Date.now()), 'content-type': 'application/json' };
    const { text } = await exchange(stack.twin.base, { method: 'POST', path: '/api/checkout/session', headers, body });
    return JSON.parse(text).data.sessionId;
}

const started = async (label, { env, ...rest }) =>
    Stack.start(label, { env: { CLINK_TIMEOUT_MS: '6000', SWEEP_INTERVAL_SECONDS: '1', DATABASE_POOL_SIZE: '8', ...env }, ...rest });

/** What holds whoever finds the payment: `source` is webhook or sweeper. */
function findings(source, stackOf) {
    let stack;
    before(() => (stack = stackOf()));

    async function foundOn(order, attempt, hidden) {
        const found = order.attempts[attempt - 1];
        assert.deepEqual([found.paymentStatus, found.settledBy, found.sessionId], ['paid', source, hidden.sessionId]);
        assert.equal(found.releasedAt, null);
        const payment = order.payments.find((each) => each.attempt === attempt);
        assert.deepEqual([payment.sessionId, payment.evidence, payment.verdict], [hidden.sessionId, source, 'exact']);
        const shown = await stack.discrepancy(hidden.sessionId, 'paid_on_dark_session');
        assert.deepEqual([shown.merchantOrderId, shown.attempt], [order.merchantOrderId, attempt]);
        await stack.api.session(hidden.sessionId, { expect: [404, 'session_not_found'] });
    }

    test('a payment on it is found and shown', async () => {
        const { terms, hidden } = await withoutAnswer(stack);
        await stack.twin.pay(hidden.sessionId);
        const order = await stack.settled(terms.merchantOrderId, 'paid', 20);
        await foundOn(order, 1, hidden);
        assert.deepEqual(kindsOf(order), ['paid_on_dark_session']);
        await stack.api.create(terms, { expect: [409, 'order_already_paid'] });
    });

    test('the next attempt goes on meanwhile; when both are paid it is a duplicate', async () => {
        const { terms, hidden } = await withoutAnswer(stack);
        const { json: second } = await stack.api.create(terms);
        assert.equal(second.attempt, 2);
        assert.notEqual(second.sessionId, hidden.sessionId);
        await stack.twin.pay(second.sessionId);
        await stack.twin.pay(hidden.sessionId);
        const order = await stack.settled(terms.merchantOrderId, 'overpaid', 20);
        await foundOn(order, 1, hidden);
        assert.deepEqual(order.payments.map(({ attempt }) => attempt).sort(), [1, 2]);
        await stack.discrepancy(terms.merchantOrderId, 'duplicate_payment');
    });

    test('the next attempt is of no more use once the dark one is paid', async () => {
        const { terms, hidden } = await withoutAnswer(stack);
        const { json: second } = await stack.api.create(terms);
        await stack.twin.pay(hidden.sessionId);
        await stack.settled(terms.merchantOrderId, 'paid', 20);
        await stack.api.create(terms, { expect: [409, 'order_already_paid'] });
        assert.equal((await stack.api.session(second.sessionId)).json.status, 'open');
    });

    test('a payment is found whose session Clink does not tell of', async () => {
        const { terms, hidden } = await withoutAnswer(stack);
        const gone = { fault: 'business_error', status: 404, code: 404, msg: 'SESSION_NOT_FOUND' };
        await stack.twin.fault({ operation: 'get_session', match: hidden.sessionId, count: 0, ...gone });
        await stack.twin.pay(hidden.sessionId);
        const order = await stack.settled(terms.merchantOrderId, 'paid', 20);
        assert.deepEqual(order.payments.map(({ attempt, verdict }) => [attempt, verdict]), [[1, 'exact']]);
        assert.deepEqual(kindsOf(order), ['paid_on_dark_session']);
    });

    test('a payment is found whose session names no reference', async () => {
        const { terms, hidden } = await withoutAnswer(stack);
        await stack.twin.act(hidden.sessionId, 'override', { merchantReferenceId: 'null' });
        await stack.twin.pay(hidden.sessionId);
        const order = await stack.settled(terms.merchantOrderId, 'paid', 20);
        await foundOn(order, 1, hidden);
    });

    for (const [name, fault] of [
        ['that ran out of time', { fault: 'delay', delay_ms: 30_000, expect: [504, 'clink_outcome_unknown'], status: 'dark' }],
        ['that Clink claims to have refused', {
            fault: 'business_error', code: 400, msg: 'no', expect: [502, 'clink_rejected'], status: 'refused',
        }],
        ['with an answer that was not what was asked for', {
            fault: 'wrong_amount', factor: '100', expect: [502, 'clink_answer_mismatch'], status: 'dark',
        }],
    ])
        test(`a payment on one ${name} is found and shown`, async () => {
            const { merchantOrderId, hidden } = await withoutAnswer(stack, fault);
            await stack.twin.pay(hidden.sessionId);
            const order = await stack.settled(merchantOrderId, 'paid', 20);
            await foundOn(order, 1, hidden);
        });

    test('of several, the one that was paid is told by what the create carried', async () => {
        const terms = stack.order();
        await withoutAnswer(stack, lost, terms);
        const { hidden } = await withoutAnswer(stack, lost, terms);
        await stack.twin.pay(hidden.sessionId);
        const order = await stack.settled(terms.merchantOrderId, 'paid', 20);
        assert.deepEqual(order.attempts.map(({ paymentStatus }) => paymentStatus), ['unpaid', 'paid']);
        await foundOn(order, 2, hidden);
    });

    test('cancelled while its create was on its way, a payment is found', async () => {
        const terms = stack.order();
        await stack.twin.fault({ operation: 'create', fault: 'delay', match: terms.merchantOrderId, delay_ms: 3_000 });
        const create = stack.api.create(terms, { expect: [409, 'order_cancelled'] });
        await stack.twin.called({ operation: 'create', reference: terms.merchantOrderId });
        await stack.api.cancel(terms.merchantOrderId);
        await create;
        const [hidden] = await stack.twin.sessions(terms.merchantOrderId);
        await stack.twin.pay(hidden.sessionId);
        const order = await stack.settled(terms.merchantOrderId, 'paid', 20);
        await foundOn(order, 1, hidden);
        await stack.discrepancy(terms.merchantOrderId, 'paid_after_cancel');
    });
}

describe('an attempt without an answer', { concurrency: 3 }, () => {
    describe('by webhook alone', { concurrency: 1 }, () => {
        let stack;
        before(async () => (stack = await started('dark-webhooks', { env: { SWEEP_SCHEDULE_SECONDS: '3600' }, webhooks: {} })));
        after(() => stack?.close());

        findings('webhook', () => stack);

        test('without metadata on orders', async () => {
            await stack.twin.settings({ metadata_on_orders: false });
            const { merchantOrderId, hidden } = await withoutAnswer(stack);
            await stack.twin.pay(hidden.sessionId);
            const order = await stack.settled(merchantOrderId, 'paid');
            assert.equal(order.payments[0].sessionId, hidden.sessionId);
            await stack.discrepancy(hidden.sessionId, 'paid_on_dark_session');
            await stack.twin.settings({ metadata_on_orders: true });
        });

        test('an unpaid one stays dark, whatever is told of it', async () => {
            const { merchantOrderId, hidden } = await withoutAnswer(stack);
            await stack.twin.act(hidden.sessionId, 'fail');
            await stack.twin.act(hidden.sessionId, 'expire');
            const sent = await stack.twin.webhooks(hidden.sessionId);
            for (const { state } of sent) assert.equal(state, 'delivered');
            const recorded = async () => (await stack.finance.order(merchantOrderId)).json;
            await eventually('its id is known', async () => (await recorded()).attempts[0].sessionId === hidden.sessionId);
            const order = await recorded();
            assert.deepEqual([order.state, order.attempts[0].status, order.payments, kindsOf(order)], ['unpaid', 'dark', [], []]);
        });

        test("what somebody else made with our reference pays nothing here, and is shown", async () => {
            const terms = stack.order();
            const { json: ours } = await stack.api.create(terms);
            const theirs = await madeElsewhere(stack, terms.merchantOrderId);
            await stack.twin.pay(theirs);
            await eventually('it is shown', async () => (await stack.discrepancies(theirs, { kind: 'orphan_event' })).length > 0);
            const { json: order } = await stack.finance.order(terms.merchantOrderId);
            assert.deepEqual([order.state, order.payments], ['unpaid', []]);
            assert.equal((await stack.api.create(terms, { expect: 200 })).json.sessionId, ours.sessionId);
        });
    });

    describe('by the sweeper alone', { concurrency: 8 }, () => {
        let stack;
        before(async () => (stack = await started('dark-sweeper', { env: { SWEEP_SCHEDULE_SECONDS: '1,2,3' } })));
        after(() => stack?.close());

        findings('sweeper', () => stack);

        test("what somebody else made is shown also while Clink owes an answer about ours", async () => {
            const { merchantOrderId, hidden } = await withoutAnswer(stack);
            await stack.twin.act(hidden.sessionId, 'fail');
            const attempt = async () => (await stack.finance.order(merchantOrderId)).json.attempts[0];
            await eventually('its id is known', async () => (await attempt()).sessionId === hidden.sessionId);
            await stack.twin.fault({
                operation: 'get_session', match: hidden.sessionId, fault: 'http_status', status: 503, count: 0,
            });
            const theirs = await madeElsewhere(stack, merchantOrderId);
            await stack.twin.pay(theirs);
            await stack.discrepancy(theirs, 'orphan_event');
            const looks = async () => (await stack.database.query(
                'select failed_checks, next_check_at > now() as planned from checkout.sessions where clink_session_id = $1',
                [hidden.sessionId]))[0];
            await eventually('the next look is planned', async () => (await looks()).planned);
            assert.equal((await looks()).failed_checks, 0, 'the order was answered');
        });

        test('what is paid with our reference under a session of another is shown', async () => {
            const { terms, merchantOrderId, hidden } = await withoutAnswer(stack);
            await stack.twin.act(hidden.sessionId, 'override', { merchantReferenceId: 'somebody-else' });
            await stack.twin.pay(hidden.sessionId);
            const [{ orderId }] = await stack.twin.orders(terms.merchantOrderId);
            await stack.discrepancy(orderId, 'orphan_event');
            const { json: order } = await stack.finance.order(merchantOrderId);
            assert.deepEqual([order.state, order.payments], ['unpaid', []]);
        });

        test('however many failed orders bear the same reference', async () => {
            const { merchantOrderId, hidden } = await withoutAnswer(stack);
            for (let i = 0; i < 60; i++) await stack.twin.act(hidden.sessionId, 'fail');
            await stack.twin.settings({ list_order: 'oldest_first' });
            await stack.twin.pay(hidden.sessionId);
            const order = await stack.settled(merchantOrderId, 'paid', 20);
            assert.deepEqual([order.payments.length, kindsOf(order)], [1, ['paid_on_dark_session']]);
            await stack.twin.settings({ list_order: 'newest_first' });
        });

        test('one that nobody paid is looked for, and nothing comes of it', async () => {
            const { terms, merchantOrderId } = await withoutAnswer(stack);
            await stack.twin.called({ operation: 'list_orders', reference: merchantOrderId }, 2);
            const { json: order } = await stack.finance.order(merchantOrderId);
            assert.deepEqual([order.state, order.attempts[0].status, kindsOf(order)], ['unpaid', 'dark', []]);
            const { json: second } = await stack.api.create(terms);
            await stack.twin.pay(second.sessionId);
            const paid = await stack.settled(merchantOrderId, 'paid');
            assert.deepEqual([paid.payments.length, paid.payments[0].attempt, kindsOf(paid)], [1, 2, []]);
        });

        test('is looked for no longer than DARK_WATCH_HOURS', async () => {
            const { merchantOrderId } = await withoutAnswer(stack);
            const shift = (age) =>
                stack.database.query(
                    `update checkout.sessions set created_at = now() - $2::interval, next_check_at = now()
                     where order_id = (select order_id from checkout.orders where merchant_order_id = $1)`,
                    [merchantOrderId, age],
                );
            const looked = async () => (await stack.twin.calls({ operation: 'list_orders', reference: merchantOrderId })).length;
            const next = async () => (await stack.database.query(
                `select extract(epoch from next_check_at - now())::float as wait from checkout.sessions
                 where order_id = (select order_id from checkout.orders where merchant_order_id = $1)`, [merchantOrderId]))[0].wait;
            const before = await looked();
            await shift('70 hours');
            await eventually('it is looked for', async () => (await looked()) > before);
            await eventually('the next look is planned', async () => (await next()) > 600); // later than a claim ends
            await shift('73 hours');
            await eventually('it is let go', async () => (await next()) === null);
        });
    });

    describe('by the sweeper alone, where orders bear no metadata and appear late', { concurrency: 4 }, () => {
        let stack;
        before(async () => {
            stack = await started('dark-bare', { env: { SWEEP_SCHEDULE_SECONDS: '1,2,3' } });
            await stack.twin.settings({ metadata_on_orders: false, list_lag_ms: 2500 });
        });
        after(() => stack?.close());

        test('a payment on it is found', async () => {
            const { merchantOrderId, hidden } = await withoutAnswer(stack);
            await stack.twin.pay(hidden.sessionId);
            const order = await stack.settled(merchantOrderId, 'paid', 20);
            assert.deepEqual([order.payments[0].sessionId, kindsOf(order)], [hidden.sessionId, ['paid_on_dark_session']]);
        });

        test('it goes to the oldest attempt without an id where the session tells nothing either', async () => {
            const terms = stack.order();
            await withoutAnswer(stack, lost, terms);
            const { hidden } = await withoutAnswer(stack, lost, terms);
            const fault = { operation: 'get_session', match: hidden.sessionId, fault: 'set_fields', count: 0 };
            await stack.twin.fault({ ...fault, fields: { metadata: {} } });
            await stack.twin.pay(hidden.sessionId);
            const order = await stack.settled(terms.merchantOrderId, 'paid', 20);
            assert.deepEqual(order.attempts.map(({ paymentStatus }) => paymentStatus), ['paid', 'unpaid']);
            assert.deepEqual([order.payments[0].sessionId, kindsOf(order)], [hidden.sessionId, ['paid_on_dark_session']]);
        });

        test('both that are paid are found, one after the other', async () => {
            const terms = stack.order();
            const first = await withoutAnswer(stack, lost, terms);
            const second = await withoutAnswer(stack, lost, terms);
            for (const { hidden } of [first, second]) await stack.twin.pay(hidden.sessionId);
            const order = await stack.settled(terms.merchantOrderId, 'overpaid', 20);
            assert.deepEqual(
                order.payments.map(({ sessionId }) => sessionId).sort(),
                [first, second].map(({ hidden }) => hidden.sessionId).sort(),
            );
        });
    });
});
