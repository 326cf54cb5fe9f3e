// Orders of Clink's that do not say which session they are of (clink-api.md 5.6): the attempt that their metadata names is paid;
// without it they are shown, until the session's own word explains them.
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

    /** Pays a new session at Clink, whose order does not name it, and tells of the order. */
    async function paid() {
        const { json: session } = await stack.api.create(stack.order());
        await stack.twin.pay(session.sessionId);
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

    test('is nobody’s without a name of it, until its session tells', async () => {
        await stack.twin.settings({ metadata_on_orders: false });
        const { session, orderId } = await paid();
        await stack.discrepancy(`clink-order:${orderId}`, 'orphan_event');
        assert.equal((await stack.api.order(session.merchantOrderId)).json.state, 'unpaid');
        await stack.api.refresh(session.sessionId);
        const order = await stack.settled(session.merchantOrderId, 'paid');
        assert.deepEqual(order.payments.map(({ clinkOrderId }) => clinkOrderId), [orderId]);
        await stack.discrepancy(`clink-order:${orderId}`, 'orphan_event', 'resolved');
        assert.deepEqual(await orphans(orderId, 'open'), []);
        await stack.twin.settings({ metadata_on_orders: true });
    });
});
