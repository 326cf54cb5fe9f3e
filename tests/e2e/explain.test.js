// What an order comes to in sentences, and the list of what does not agree: over HTTP, for each kind of reader.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { pointers } from './support/client.js';
import { Stack } from './support/stack.js';

let stack;
before(async () => (stack = await Stack.start('explain', { env: { CLINK_TIMEOUT_MS: '3000' } })));
after(() => stack?.close());

const created = async (changes) => (await stack.api.create(stack.order(changes))).json;
const explain = async (merchantOrderId, api = stack.finance) =>
    (await api.call('explainOrder', { params: { merchantOrderId }, expect: 200 })).json;
const says = ({ sentences }, ...facts) =>
    assert.ok(
        sentences.some((sentence) => facts.every((fact) => sentence.includes(fact))),
        `${facts.join(', ')} not in:\n${sentences.join('\n')}`,
    );
const textOf = ({ sentences }) => sentences.join('\n');

/** An order whose only session expired and was paid all the same. */
async function paidLate() {
    const session = await created();
    await stack.twin.act(session.sessionId, 'expire');
    await stack.api.refresh(session.sessionId);
    await stack.twin.act(session.sessionId, 'pay-after-expiry');
    await stack.api.refresh(session.sessionId);
    return session;
}

/** An order with an attempt whose answer was lost, and which then was paid at Clink. */
async function paidInTheDark() {
    const terms = stack.order();
    await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, fault: 'lost_answer' });
    await stack.api.create(terms, { expect: [504, 'clink_outcome_unknown'] });
    const [made] = await stack.twin.sessions(terms.merchantOrderId);
    return { terms, sessionId: made.sessionId };
}

/** All discrepancies that the query finds, in pages of `limit`. */
async function listed(query = {}, limit = 1000) {
    const items = [];
    let page = { ...query, limit: String(limit) };
    do {
        const { json } = await stack.finance.discrepancies(page);
        assert.ok(json.items.length <= limit);
        items.push(...json.items);
        page = json.nextCursor && { ...query, limit: String(limit), cursor: json.nextCursor };
    } while (page);
    return items;
}

describe('an explanation', () => {
    test('of an open session says where its page stands and when Clink is asked next', async () => {
        const session = await created();
        const told = await explain(session.merchantOrderId);
        assert.deepEqual([told.merchantOrderId, told.state, told.openDiscrepancies], [session.merchantOrderId, 'unpaid', []]);
        assert.ok(Math.abs(Date.parse(told.asOf) - Date.now()) < 60_000);
        assert.ok(told.sentences[0].includes(session.merchantOrderId));
        says(told, '1 attempt', '0 payments', '0 open');
        says(told, 'Attempt 1', session.sessionId, '49.90 USD', 'open', session.expireTime);
        assert.ok(Date.parse(told.nextCheckAt) > Date.parse(session.createdAt));
        says(told, 'Attempt 1', told.nextCheckAt);
    });

    test('of a paid order says what was paid, who found it, and when', async () => {
        const session = await created({ originalAmount: '1200', originalCurrency: 'JPY' });
        await stack.twin.pay(session.sessionId);
        await stack.api.refresh(session.sessionId);
        const { json: order } = await stack.api.order(session.merchantOrderId);
        const [payment] = order.payments;
        const [attempt] = order.attempts;
        const told = await explain(session.merchantOrderId);
        assert.equal(told.state, 'paid');
        says(told, '1 payment', '0 refunds');
        says(told, payment.paymentId, payment.clinkOrderId, '1200 JPY', payment.recordedAt, 'refresh', 'exact');
        says(told, 'attempt 1', attempt.checkedAt, 'refresh');
    });

    test('of an open discrepancy says since when, and has it among its members', async () => {
        const session = await paidLate();
        const { json: order } = await stack.api.order(session.merchantOrderId);
        const told = await explain(session.merchantOrderId);
        assert.deepEqual(told.openDiscrepancies, order.openDiscrepancies);
        assert.equal(told.openDiscrepancies.length, 1);
        says(told, 'paid_after_expiry', told.openDiscrepancies[0].openedAt);
        says(told, '1 open');
    });

    test('of a cancelled order says so', async () => {
        const session = await created();
        const { json: order } = await stack.api.cancel(session.merchantOrderId);
        const told = await explain(session.merchantOrderId);
        assert.equal(told.state, 'cancelled');
        says(told, 'cancelled', order.cancelledAt);
    });

    test('of a refused attempt says with what code', async () => {
        const terms = stack.order();
        const fault = { operation: 'create', match: terms.merchantOrderId, fault: 'business_error', status: 200, code: 41203 };
        await stack.twin.fault(fault);
        await stack.api.create(terms, { expect: [502, 'clink_rejected'] });
        says(await explain(terms.merchantOrderId), 'Attempt 1', 'refused', '41203');
    });

    test('names the session of a dark attempt to finance alone', async () => {
        const { terms, sessionId } = await paidInTheDark();
        await stack.database.query('update checkout.sessions set clink_session_id = $1 where order_id ='
            + ' (select order_id from checkout.orders where merchant_order_id = $2)', [sessionId, terms.merchantOrderId]);
        says(await explain(terms.merchantOrderId), 'Attempt 1', 'dark', sessionId);
        const told = await explain(terms.merchantOrderId, stack.api);
        says(told, 'Attempt 1', 'dark');
        assert.ok(!JSON.stringify(told).includes(sessionId));
    });

    test('holds no page and makes no call to Clink', async () => {
        const session = await paidLate();
        const before = await stack.twin.callCount();
        const told = await explain(session.merchantOrderId, stack.api);
        assert.equal(await stack.twin.callCount(), before);
        assert.ok(!textOf(told).includes('://'));
        for (const secret of await stack.twin.secrets()) assert.ok(!JSON.stringify(told).includes(secret));
    });

    test('is made of the record at one moment: reading it twice tells the same', async () => {
        const session = await paidLate();
        const [first, second] = [await explain(session.merchantOrderId), await explain(session.merchantOrderId)];
        const timeless = ({ sentences, asOf }) => sentences.map((sentence) => sentence.replace(asOf, ''));
        assert.deepEqual(timeless(first), timeless(second));
    });

    test('is for storefront and finance', async () => {
        const { merchantOrderId } = await created();
        const params = { merchantOrderId };
        await stack.api.call('explainOrder', { params, expect: 200 });
        await stack.api.as(stack.service.tokens.operator).call('explainOrder', { params, expect: [403, 'insufficient_scope'] });
        await stack.api.as(null).call('explainOrder', { params, expect: [401, 'unauthorized'] });
    });

    test('of an order that is not there is 404', async () => {
        for (const merchantOrderId of ['ORD-none', ' '])
            await stack.api.call('explainOrder', { params: { merchantOrderId }, expect: [404, 'order_not_found'] });
    });
});

describe('the list of discrepancies', () => {
    test('has what the orders have, with what it is about', async () => {
        const session = await paidLate();
        const { json: order } = await stack.api.order(session.merchantOrderId);
        const mine = (await listed({ state: 'open' })).filter(({ merchantOrderId }) => merchantOrderId === session.merchantOrderId);
        assert.equal(mine.length, 1);
        const [{ id, kind, openedAt, detail }] = mine;
        assert.deepEqual([{ id, kind, openedAt, detail }], order.openDiscrepancies);
        const { state, attempt, sessionId, resolvedAt, resolution, note, resolvedBy } = mine[0];
        assert.deepEqual([state, attempt, sessionId], ['open', 1, session.sessionId]);
        assert.deepEqual([resolvedAt, resolution, note, resolvedBy], [null, null, null, null]);
    });

    test('is oldest first, and its pages make up the whole', async () => {
        for (let i = 0; i < 3; i++) await paidLate();
        const whole = await listed();
        assert.ok(whole.length >= 3);
        const ids = whole.map(({ id }) => Number(id));
        assert.deepEqual(ids, [...ids].sort((a, b) => a - b));
        for (const limit of [1, 2]) assert.deepEqual(await listed({}, limit), whole);
    });

    test('is filtered by state and kind', async () => {
        await paidLate();
        const whole = await listed();
        const open = await listed({ state: 'open' });
        const resolved = await listed({ state: 'resolved' });
        assert.equal(open.length + resolved.length, whole.length);
        for (const { state } of open) assert.equal(state, 'open');
        const late = await listed({ kind: 'paid_after_expiry' });
        assert.deepEqual(late, whole.filter(({ kind }) => kind === 'paid_after_expiry'));
        assert.ok(late.length > 0);
        assert.deepEqual(await listed({ kind: 'currency_mismatch', state: 'open' }), []);
    });

    test('takes no other query', async () => {
        for (const [query, pointer] of [
            [{ state: 'closed' }, '/state'], [{ state: '' }, '/state'], [{ kind: 'oddity' }, '/kind'], [{ limit: '0' }, '/limit'],
            [{ limit: '1001' }, '/limit'], [{ cursor: 'x' }, '/cursor'], [{ merchantOrderId: 'ORD-1' }, '/merchantOrderId'],
        ]) {
            const answer = await stack.finance.discrepancies(query, { expect: [422, 'validation_failed'] });
            assert.deepEqual(pointers(answer), [pointer]);
        }
    });

    test("takes no other list's cursor", async () => {
        const session = await created();
        const query = { limit: '1' };
        const { json } = await stack.api.call('listOrderEvents', { params: { merchantOrderId: session.merchantOrderId }, query, expect: 200 });
        assert.ok(json.nextCursor);
        await stack.finance.discrepancies({ cursor: json.nextCursor }, { expect: [422, 'validation_failed'] });
    });

    test('is for finance', async () => {
        await stack.api.discrepancies({}, { expect: [403, 'insufficient_scope'] });
        await stack.api.as(null).discrepancies({}, { expect: [401, 'unauthorized'] });
    });
});
