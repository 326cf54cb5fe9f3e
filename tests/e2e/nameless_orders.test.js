// Orders of Clink's that do not say which session they are of (clink-api.md 5.6): the attempt that their metadata names is paid;
// without it the order's sessions are asked, and what none of them explains is shown until one does.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Stack } from './support/stack.js';
import { deliver, eventText } from './support/webhooks.js';

// The sweeper asks about no session by itself here.
const env = { CLINK_TIMEOUT_MS: '5000', SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '3600' };

describe('a paid order that names no session', () => {
    let stack;
    before(async () => {
        stack = await Stack.start('nameless-orders', { env, webhooks: {} });
        await stack.webhooks({ drop: ['*'] });
    });
    after(() => stack?.close());

    const denial = { status: 'open', paymentStatus: 'unpaid', orderId: null };

    /** Pays a new session at Clink, whose order does not name it, and tells of the order. `says`: what the session says then. */
    async function paid({ terms = stack.order(), says } = {}) {
        const { json: session } = await stack.api.create(terms);
        await stack.twin.pay(session.sessionId);
        if (says) await stack.twin.act(session.sessionId, 'override', says);
        const [{ orderId }] = await stack.twin.orders(session.merchantOrderId);
        await stack.twin.control('POST', `orders/${orderId}/override`, { sessionId: null });
        const claim = { orderId, merchantReferenceId: session.merchantOrderId, status: 'success', type: 'onetime' };
        await deliver(stack.api, eventText('order.succeeded', claim));
        return { session, orderId };
    }
    const orphans = (orderId, state) => stack.discrepancies(`clink-order:${orderId}`, { kind: 'orphan_event', state });

    test('is the payment of the attempt that it names, once', async () => {
        const { session, orderId } = await paid();
        const order = await stack.settled(session.merchantOrderId, 'paid');
        assert.deepEqual(order.payments.map(({ clinkOrderId, verdict }) => [clinkOrderId, verdict]), [[orderId, 'exact']]);
        assert.deepEqual(order.openDiscrepancies, []);
        await stack.api.refresh(session.sessionId);
        const { json: again } = await stack.api.order(session.merchantOrderId);
        assert.deepEqual([again.payments.length, again.attempts[0].status, again.openDiscrepancies], [1, 'completed', []]);
    });

    test('is the payment of the session that says so, not of an attempt whose answer was lost', async () => {
        await stack.twin.settings({ metadata_on_orders: false });
        const terms = stack.order();
        await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, fault: 'reset' });
        await stack.api.create(terms, { expect: [504, 'clink_outcome_unknown'] });
        await stack.twin.clearFaults();
        const { session, orderId } = await paid({ terms });
        assert.equal(session.attempt, 2);
        const order = await stack.settled(session.merchantOrderId, 'paid');
        assert.deepEqual(order.payments.map(({ attempt, clinkOrderId }) => [attempt, clinkOrderId]), [[2, orderId]]);
        assert.deepEqual(order.openDiscrepancies, []);
        await stack.twin.settings({ metadata_on_orders: true });
    });

    test('is nobody’s without a name of it, until its session tells', async () => {
        await stack.twin.settings({ metadata_on_orders: false });
        const { session, orderId } = await paid({ says: denial });
        await stack.discrepancy(`clink-order:${orderId}`, 'orphan_event');
        assert.equal((await stack.api.order(session.merchantOrderId)).json.state, 'unpaid');
        await stack.twin.act(session.sessionId, 'override', { status: 'completed', paymentStatus: 'paid', orderId });
        await stack.api.refresh(session.sessionId);
        const order = await stack.settled(session.merchantOrderId, 'paid');
        assert.deepEqual(order.payments.map(({ clinkOrderId }) => clinkOrderId), [orderId]);
        await stack.discrepancy(`clink-order:${orderId}`, 'orphan_event', 'resolved');
        assert.deepEqual(await orphans(orderId, 'open'), []);
        await stack.twin.settings({ metadata_on_orders: true });
    });
});
