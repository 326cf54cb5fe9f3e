// Events that belong to nothing on record: shown to a person until they are explained.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './support/environment.js';
import { Stack } from './support/stack.js';
import { allHandled, deliver, eventText, idOf, inbox } from './support/webhooks.js';

// Sessions are asked about on a webhook's word alone: the sweeper works off the inbox, and its schedule is far off.
const env = { CLINK_TIMEOUT_MS: '10000', SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '3600', DATABASE_POOL_SIZE: '8' };

let stack;
before(async () => (stack = await Stack.start('orphans', { env, webhooks: {} })));
after(() => stack?.close());

describe('an event of nobody', () => {
    test('is shown as an orphan', async () => {
        await stack.webhooks();
        const sessionId = await stack.twin.foreignSession();
        await stack.twin.pay(sessionId);
        const sent = await stack.twin.webhooks(sessionId);
        assert.ok(sent.length >= 3);
        for (const { id, state } of sent) {
            assert.equal(state, 'delivered');
            const { merchantOrderId } = await stack.discrepancy(id, 'orphan_event');
            assert.equal(merchantOrderId, null);
        }
    });

    test('is explained once its session appears', async () => {
        const terms = stack.order();
        await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, fault: 'delay', delay_ms: 5_000 });
        await stack.twin.settings({ metadata_on_orders: false });
        await stack.webhooks({ null_reference: true, drop: ['session.complete'] });
        const create = stack.api.create(terms, { expect: undefined });
        await stack.twin.called({ operation: 'create', reference: terms.merchantOrderId });
        const [{ sessionId }] = await eventually('Clink has the session', async () => {
            const found = await stack.twin.sessions(terms.merchantOrderId);
            return found.length > 0 && found;
        });
        await stack.twin.fault({ operation: 'get_session', match: sessionId, fault: 'http_status', status: 503, count: 0 });
        const event = eventText('order.created', { orderId: 'order_early', sessionId, merchantReferenceId: 'null', status: 'created' });
        await deliver(stack.api, event);
        await stack.discrepancy(idOf(event), 'orphan_event');
        await stack.twin.clearFaults();
        const answer = await create;
        assert.equal(answer.status, 201, answer.text);
        assert.equal(answer.json.sessionId, sessionId);
        await stack.discrepancy(idOf(event), 'orphan_event', 'resolved');
        await stack.twin.settings({ metadata_on_orders: true });
    });

    test('is not told from an answer that Clink owes', async () => {
        const terms = stack.order();
        await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, fault: 'lost_answer' });
        await stack.api.create(terms, { expect: [504, 'clink_outcome_unknown'] });
        const [{ sessionId }] = await stack.twin.sessions(terms.merchantOrderId);
        await stack.twin.fault({ operation: 'get_session', match: sessionId, fault: 'http_status', status: 503, count: 0 });
        const { merchantOrderId: merchantReferenceId } = terms;
        const event = eventText('order.created', { orderId: 'order_soon', sessionId, merchantReferenceId, status: 'created' });
        await deliver(stack.api, event);
        const [kept] = await eventually('it was tried', async () => {
            const found = await inbox(stack.database, [idOf(event)]);
            return found[0].tries > 0 && found[0].outcome && found;
        });
        assert.deepEqual([kept.state, kept.outcome], ['received', 'Clink did not answer']);
        assert.deepEqual(await stack.discrepancies(idOf(event), { kind: 'orphan_event' }), []);
        await stack.twin.clearFaults();
        await stack.webhooks();
        await stack.twin.pay(sessionId);
        const order = await stack.settled(merchantReferenceId, 'paid');
        assert.equal(order.payments[0].sessionId, sessionId);
    });

    test('that is paid while its create is on its way is found', async () => {
        const terms = stack.order();
        await stack.webhooks();
        await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, fault: 'delay', delay_ms: 1000 });
        const create = stack.api.create(terms, { expect: undefined });
        const [{ sessionId }] = await eventually('Clink has the session', async () => {
            const found = await stack.twin.sessions(terms.merchantOrderId);
            return found.length > 0 && found;
        });
        await stack.twin.pay(sessionId);
        const answer = await create;
        assert.ok(answer.status === 201 || answer.json.code === 'order_already_paid', answer.text);
        const order = await stack.settled(terms.merchantOrderId, 'paid');
        assert.equal(order.payments.length, 1);
        assert.equal(order.payments[0].sessionId, sessionId);
        await allHandled(stack, { sessionId });
        assert.deepEqual(await stack.discrepancies(sessionId, { kind: 'orphan_event' }), []);
        await stack.api.create(terms, { expect: [409, 'order_already_paid'] });
    });
});
