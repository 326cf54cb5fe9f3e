// An order with more lost attempts than one search asks about: each is looked at in its turn, and Clink is not asked for all of
// them once for each.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './support/environment.js';
import { Stack } from './support/stack.js';

const attempts = 80; // a search asks about 64
const env = { CLINK_TIMEOUT_MS: '5000', SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '2,600' };

describe('an order with many dark sessions', () => {
    let stack;
    let terms;
    before(async () => {
        stack = await Stack.start('many-attempts', { env });
        terms = stack.order();
        const answer = { operation: 'create', match: terms.merchantOrderId, fault: 'wrong_amount', factor: '100', count: 0 };
        await stack.twin.fault(answer);
        for (let i = 0; i < attempts; i++) await stack.api.create(terms, { expect: [502, 'clink_answer_mismatch'] });
    });
    after(() => stack?.close());

    const rows = () => stack.database.query(
        `select s.* from checkout.sessions s join checkout.orders using (order_id) where merchant_order_id = $1 order by attempt`,
        [terms.merchantOrderId]);
    const asked = async () => (await stack.twin.calls({ operation: 'get_session' })).length;

    test('has each asked about, and then rests', async () => {
        await eventually('each is known, and planned', async () => (await rows()).every(
            ({ checked_at: at, next_check_at: next }) => at && next - Date.now() > 60_000), 60);
        const before = await asked();
        assert.ok(before >= attempts, `${before} questions`);
        assert.ok(before <= 4 * attempts, `${before} questions for ${attempts} sessions`);
    });

    test('has the payment of the last one found', async () => {
        const last = (await rows()).at(-1);
        await stack.twin.pay(last.clink_session_id);
        await stack.database.query('update checkout.sessions set next_check_at = now() where order_id = $1', [last.order_id]);
        const order = await stack.settled(terms.merchantOrderId, 'paid', 60);
        assert.equal(order.openDiscrepancies.filter(({ kind }) => kind === 'paid_on_dark_session').length, 1);
    });
});
