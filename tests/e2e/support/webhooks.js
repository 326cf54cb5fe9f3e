// Webhooks as Clink sends them (clink-api.md, section 5): signed here, or made by the twin and sent to a service.
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';

import { eventually } from './environment.js';

/** The twin's settings for webhooks that tests change, as they are at first. */
export const plainWebhooks = {
    drop: [], hold: false, duplicates: 0, shuffle: false, max_retries: 10, timestamp_unit: 'milliseconds', timestamp_offset_seconds: 0,
    sign_type: true, session_body: 'null_heavy', amounts_as_strings: false, null_reference: false, extra_fields: false,
    legacy_envelope: false,
};

export const webhookKey = () => `whsec_${randomBytes(24).toString('hex')}`;

export const signatureOf = (key, timestamp, body) =>
    createHmac('sha256', key).update(`${timestamp}.`).update(body).digest('hex');

/** An event's body as text; `parts` overrides members of the envelope. */
export function eventText(type, object, parts = {}) {
    const id = `event_${randomBytes(12).toString('hex')}`;
    return JSON.stringify({ id, object: 'event', created: Date.now(), type, data: { object }, ...parts });
}

export const idOf = (text) => JSON.parse(text).id;

/** What `order.succeeded` would say of a session; `changes` replaces members. */
export const paidClaim = (session, changes = {}) => ({
    orderId: 'order_claimed', type: 'onetime', sessionId: session.sessionId, merchantReferenceId: session.merchantOrderId,
    customerId: session.customerId, customerEmail: 'ada@shop.example', amountSubtotal: 49.9, amountTotal: 49.9, paymentCurrency: 'USD',
    originalCurrency: 'USD', status: 'success', paymentTime: Date.now(), metadata: {}, ...changes,
});

/**
 * Delivers `body` (text or bytes), signed with the service's first key as of now. `headers` replaces headers, null removes
 * one; the signature is of the timestamp in force.
 */
export function deliver(client, body, { key, timestamp = String(Date.now()), headers = {}, expect = 200 } = {}) {
    const signature = signatureOf(key ?? client.service.webhookKeys[0], timestamp, body);
    const sent = { 'x-clink-timestamp': timestamp, 'x-clink-signature': signature, 'x-clink-signtype': 'SHA256', ...headers };
    return client.webhook(body, sent, { expect });
}

/** What the service kept of the events, by id, with the body as bytes. */
export function inbox(database, ids) {
    return database.query('select * from checkout.webhooks where event_id = any($1) order by webhook_id', [ids]);
}

/** Awaits that none of the events, by id, waits to be handled: each led to something, or is parked. */
export function handled(database, ids) {
    return eventually('the events are handled', async () => (await inbox(database, ids)).every(({ state }) => state !== 'received'));
}

/** Awaits that whatever the twin sent about a session is handled, and gives the twin's log of it. */
export async function allHandled(stack, { sessionId }) {
    const sent = await stack.twin.webhooks(sessionId);
    await handled(stack.database, sent.map(({ id }) => id));
    return sent;
}

/** The order of a session comes to be paid as it is at Clink, by webhook, and nothing is wrong with it. */
export async function assertPaidOnce(stack, { merchantOrderId }) {
    const order = await stack.settled(merchantOrderId, 'paid');
    assert.equal(order.payments.length, 1);
    const [atClink] = (await stack.twin.orders(merchantOrderId)).filter(({ status }) => status === 'success');
    assert.equal(order.payments[0].clinkOrderId, atClink.orderId);
    assert.deepEqual([order.payments[0].verdict, order.payments[0].evidence], ['exact', 'webhook']);
    assert.equal(order.attempts.at(-1).settledBy, 'webhook');
    assert.deepEqual(order.openDiscrepancies, []);
    return order;
}

export async function assertUnpaid(stack, { merchantOrderId }) {
    const { json: order } = await stack.finance.order(merchantOrderId);
    assert.equal(order.state, 'unpaid');
    assert.deepEqual(order.payments, []);
    assert.equal(order.attempts[0].paymentStatus, 'unpaid');
}
