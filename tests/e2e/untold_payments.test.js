// Payments that a session does not tell of: it says that it was not paid, or names another. The sweeper asks for its orders.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './support/environment.js';
import { Stack } from './support/stack.js';

const quick = { SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '1,2,3', CLINK_TIMEOUT_MS: '5000' };

describe('a session that does not tell of a payment', { concurrency: true }, () => {
    let stack;
    before(async () => (stack = await Stack.start('untold', { env: quick })));
    after(() => stack?.close());

    for (const status of ['completed', 'expired'])
        test(`as it is ${status} and says that it is unpaid`, async () => {
            const { json: session } = await stack.api.create(stack.order());
            // Clink's order is paid in the same moment as its session begins to deny it: nobody sees it say otherwise.
            await stack.twin.act(session.sessionId, 'override', { status, paymentStatus: 'unpaid', orderId: null, amountTotal: null });
            await stack.twin.pay(session.sessionId);
            const order = await stack.settled(session.merchantOrderId, 'paid', 40);
            assert.equal(order.payments.length, 1);
            assert.deepEqual([order.payments[0].evidence, order.payments[0].verdict], ['sweeper', 'exact']);
        });

    test('as it was paid twice and names the one', async () => {
        const { json: session } = await stack.api.create(stack.order());
        await stack.twin.act(session.sessionId, 'fail');
        const [{ orderId }] = await stack.twin.orders(session.merchantOrderId);
        await stack.twin.control('POST', `orders/${orderId}/override`, { status: 'success' });
        await stack.twin.pay(session.sessionId);
        const order = await eventually('both are known', async () => {
            const { json } = await stack.api.order(session.merchantOrderId);
            return json.payments.length === 2 && json;
        }, 40);
        assert.equal(order.state, 'overpaid');
        assert.deepEqual(order.openDiscrepancies.map(({ kind }) => kind), ['duplicate_payment']);
    });
});
