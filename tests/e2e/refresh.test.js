// Asking Clink now: what a storefront's own success page lives on.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Stack } from './support/stack.js';

let stack;
let hasty; // who gives up soon on an answer that does not come at all
before(async () => {
    stack = await Stack.start('refresh', { env: { CLINK_TIMEOUT_MS: '5000' } });
    hasty = stack.clientOf(await stack.serve('refresh-hasty', { env: { CLINK_TIMEOUT_MS: '1500' } }));
});
after(() => stack?.close());

async function created(changes) {
    const terms = stack.order(changes);
    return (await stack.api.create(terms)).json;
}
const questions = async ({ merchantOrderId }) =>
    (await stack.twin.calls({ operation: 'get_session', reference: merchantOrderId })).length;
const fault = ({ sessionId }, description) => stack.twin.fault({ operation: 'get_session', match: sessionId, ...description });

describe('an answer of Clink', () => {
    test('unpaid', async () => {
        const session = await created();
        const { json } = await stack.api.refresh(session.sessionId);
        const { nextPollMs, ...rest } = json;
        assert.deepEqual(rest, {
            merchantOrderId: session.merchantOrderId, sessionId: session.sessionId, status: 'open', paymentStatus: 'unpaid', paid: false,
            amountTotal: null, paymentCurrency: null, amountVerdict: null, certainty: 'confirmed', stale: false, mayRetryPayment: true,
        });
        assert.ok(nextPollMs > 0);
        const { json: recorded } = await stack.api.session(session.sessionId);
        assert.notEqual(recorded.checkedAt, null);
        assert.equal(recorded.url, session.url);
    });

    test('failed: unpaid, and payment may be tried again', async () => {
        const session = await created();
        await stack.twin.act(session.sessionId, 'fail');
        const { json } = await stack.api.refresh(session.sessionId);
        assert.deepEqual([json.status, json.paymentStatus, json.mayRetryPayment], ['open', 'unpaid', true]);
    });

    test('processing: wait', async () => {
        const session = await created();
        await stack.twin.act(session.sessionId, 'process');
        const { json } = await stack.api.refresh(session.sessionId);
        assert.deepEqual([json.paymentStatus, json.paid, json.mayRetryPayment], ['processing', false, false]);
        assert.ok(json.nextPollMs > 0);
        await stack.twin.act(session.sessionId, 'settle', { outcome: 'success' });
        assert.equal((await stack.api.refresh(session.sessionId)).json.paid, true);
    });

    test('processing that fails: unpaid again', async () => {
        const session = await created();
        await stack.twin.act(session.sessionId, 'process');
        await stack.api.refresh(session.sessionId);
        await stack.twin.act(session.sessionId, 'settle', { outcome: 'failed' });
        const { json } = await stack.api.refresh(session.sessionId);
        assert.deepEqual([json.paymentStatus, json.mayRetryPayment], ['unpaid', true]);
        assert.equal((await stack.api.order(session.merchantOrderId)).json.state, 'unpaid');
    });

    test('expired', async () => {
        const session = await created();
        await stack.twin.act(session.sessionId, 'expire');
        const { json } = await stack.api.refresh(session.sessionId);
        assert.deepEqual([json.status, json.paymentStatus, json.certainty], ['expired', 'unpaid', 'confirmed']);
    });

    test('paid; after that the record answers', async () => {
        const session = await created();
        await stack.twin.pay(session.sessionId);
        const { json } = await stack.api.refresh(session.sessionId);
        assert.deepEqual(json, {
            merchantOrderId: session.merchantOrderId, sessionId: session.sessionId, status: 'completed', paymentStatus: 'paid', paid: true,
            amountTotal: '49.90', paymentCurrency: 'USD', amountVerdict: 'exact', certainty: 'confirmed', stale: false, nextPollMs: null,
            mayRetryPayment: false,
        });
        const before = await stack.twin.callCount();
        const { json: again } = await stack.api.refresh(session.sessionId);
        assert.equal(await stack.twin.callCount(), before);
        assert.deepEqual(again, { ...json, certainty: 'recorded' });
        const { json: recorded } = await stack.api.session(session.sessionId);
        assert.deepEqual([recorded.status, recorded.settledBy, recorded.url], ['completed', 'refresh', null]);
    });

    test('paid after it had expired is found and shown', async () => {
        const session = await created();
        await stack.twin.act(session.sessionId, 'expire');
        await stack.api.refresh(session.sessionId);
        await stack.twin.act(session.sessionId, 'pay-after-expiry');
        assert.equal((await stack.api.refresh(session.sessionId)).json.paid, true);
        const { json: order } = await stack.api.order(session.merchantOrderId);
        assert.equal(order.state, 'paid');
        assert.deepEqual(order.openDiscrepancies.map(({ kind }) => kind), ['paid_after_expiry']);
    });

    test('two sessions of one order that are both paid make it overpaid', async () => {
        const first = await created();
        await stack.twin.act(first.sessionId, 'expire');
        await stack.api.refresh(first.sessionId);
        const terms = (await stack.api.order(first.merchantOrderId)).json.terms;
        const second = (await stack.api.create({ merchantOrderId: first.merchantOrderId, ...terms })).json;
        await stack.twin.pay(second.sessionId);
        await stack.twin.act(first.sessionId, 'pay-after-expiry');
        await Promise.all([first, second].map(({ sessionId }) => stack.api.refresh(sessionId)));
        const { json: order } = await stack.api.order(first.merchantOrderId);
        assert.equal(order.state, 'overpaid');
        assert.equal(order.payments.length, 2);
        assert.ok(order.openDiscrepancies.some(({ kind }) => kind === 'duplicate_payment'));
    });
});

describe("Clink's spellings", () => {
    for (const [name, description] of [
        ['odd letters', { fault: 'odd_spelling' }],
        ['amounts as text', { fault: 'amounts_as_strings' }],
        ['unknown fields', { fault: 'extra_fields' }],
        ['message instead of msg', { fault: 'message_instead_of_msg' }],
        ['null amounts in the session', { fault: 'null_amounts', operation: 'get_session' }],
        ['complete for completed', { fault: 'set_fields', fields: { status: 'complete' }, operation: 'get_session' }],
    ])
        test(`${name} do not matter`, async () => {
            const session = await created();
            await stack.twin.pay(session.sessionId);
            await stack.twin.fault({ count: 0, ...description });
            const { json } = await stack.api.refresh(session.sessionId);
            await stack.twin.clearFaults();
            assert.deepEqual([json.status, json.paid, json.amountTotal, json.amountVerdict], ['completed', true, '49.90', 'exact']);
        });

    test("another session's answer is not this one's", async () => {
        const session = await created();
        await stack.twin.pay(session.sessionId);
        await fault(session, { fault: 'foreign_session', count: 0 });
        const { json } = await stack.api.refresh(session.sessionId);
        await stack.twin.clearFaults();
        assert.equal(json.paid, false);
        assert.equal(json.mayRetryPayment, false);
        assert.notEqual(json.certainty, 'confirmed');
    });

    test("another order's reference is not believed", async () => {
        const session = await created();
        await stack.twin.pay(session.sessionId);
        const fields = { merchantReferenceId: 'not-ours' };
        await stack.twin.fault({ match: session.sessionId, fault: 'set_fields', fields, count: 0 });
        await stack.api.refresh(session.sessionId);
        await stack.twin.clearFaults();
        const { json: order } = await stack.api.order(session.merchantOrderId);
        assert.ok(order.openDiscrepancies.some(({ kind }) => kind === 'reference_mismatch') || order.payments.length === 0);
    });
});

describe('no answer of Clink', () => {
    const down = { fault: 'http_status', status: 503, count: 0 };

    test('never asked before: unknown', async () => {
        const session = await created();
        await fault(session, down);
        const { json } = await stack.api.refresh(session.sessionId);
        await stack.twin.clearFaults();
        assert.deepEqual([json.certainty, json.stale, json.mayRetryPayment, json.paid], ['unknown', true, false, false]);
        assert.ok(json.nextPollMs > 0);
    });

    test('asked before: recorded', async () => {
        const session = await created();
        await stack.api.refresh(session.sessionId);
        await fault(session, down);
        const { json } = await stack.api.refresh(session.sessionId);
        await stack.twin.clearFaults();
        assert.deepEqual([json.status, json.certainty, json.stale, json.mayRetryPayment], ['open', 'recorded', true, false]);
    });

    for (const description of [
        { fault: 'malformed' }, { fault: 'html_200' }, { fault: 'unauthorized_text' }, { fault: 'reset' }, { fault: 'null_data' },
        { fault: 'empty_200' },
        { fault: 'business_error', status: 200, code: 500 }, { fault: 'truncate', bytes: 10 }, { fault: 'stall', wait_ms: 20_000 },
    ])
        test(`${description.fault}: the record, stale`, async () => {
            const session = await created();
            await fault(session, { ...description, count: 0 });
            const { json } = await (description.fault === 'stall' ? hasty : stack.api).refresh(session.sessionId);
            await stack.twin.clearFaults();
            assert.deepEqual([json.stale, json.paid, json.mayRetryPayment], [true, false, false]);
        });

    test('a single failure is asked again within the call', async () => {
        for (const description of [{ fault: 'http_status', status: 503 }, { fault: 'reset' }, { fault: 'close' }]) {
            const session = await created();
            await fault(session, description);
            const { json } = await stack.api.refresh(session.sessionId);
            assert.deepEqual([json.certainty, json.stale], ['confirmed', false]);
        }
    });
});

describe('many refreshes of one session', () => {
    test('at the same moment share one question', async () => {
        const session = await created();
        await fault(session, { fault: 'delay', delay_ms: 2_000 });
        const answers = await Promise.all(Array.from({ length: 12 }, () => stack.api.refresh(session.sessionId)));
        for (const { json } of answers) assert.equal(json.status, 'open');
        assert.equal(await questions(session), 1);
    });

    test('one after the other are five questions, then the record', async () => {
        const session = await created();
        const began = Date.now();
        const answers = [];
        for (let i = 0; i < 8; i++) answers.push((await stack.api.refresh(session.sessionId)).json);
        const refilled = Math.ceil((Date.now() - began) / 2000);
        const asked = await questions(session);
        assert.ok(asked >= 5 && asked <= 5 + refilled, `${asked} questions`);
        const last = answers.at(-1);
        assert.deepEqual([last.stale, last.certainty, last.mayRetryPayment], [true, 'recorded', false]);
        assert.ok(last.nextPollMs > 0);
    });

    test('of different sessions do not count together', async () => {
        for (let i = 0; i < 8; i++)
            assert.equal((await stack.api.refresh((await created()).sessionId)).json.certainty, 'confirmed');
    });

    test('paid once at Clink is one payment, whoever asks', async () => {
        const session = await created();
        await stack.twin.pay(session.sessionId);
        await Promise.all([
            ...Array.from({ length: 8 }, () => stack.api.refresh(session.sessionId)),
            ...Array.from({ length: 8 }, () => stack.api.success(session.sessionId)),
        ]);
        const { json: order } = await stack.api.order(session.merchantOrderId);
        assert.equal(order.payments.length, 1);
        const kinds = (await stack.api.events(session.merchantOrderId)).map(({ kind }) => kind);
        assert.equal(kinds.filter((kind) => kind === 'payment_recorded').length, 1);
    });
});

test('a poll that changed nothing writes no event', async () => {
    const session = await created();
    await stack.api.refresh(session.sessionId);
    const before = await stack.api.events(session.merchantOrderId);
    await stack.api.refresh(session.sessionId);
    await stack.api.refresh(session.sessionId);
    assert.deepEqual(await stack.api.events(session.merchantOrderId), before);
});
