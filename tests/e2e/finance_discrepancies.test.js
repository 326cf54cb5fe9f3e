// A discrepancy that an operator settles by hand: who, when, once, and not for good when there is more to it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { pointers } from './support/client.js';
import { discrepancyOf as resolved } from './support/finance.js';
import { Stack } from './support/stack.js';
import { allHandled } from './support/webhooks.js';

const env = { SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '86400', CLINK_TIMEOUT_MS: '5000', DATABASE_POOL_SIZE: '4' };
const settled = { resolution: 'refunded by hand', note: 'ticket 8812: "given back", 注文' };

let stack;
let operator;
before(async () => {
    stack = await Stack.start('finance-discrepancies', { env, webhooks: {} });
    operator = stack.api.as(stack.service.tokens.operator);
});
after(() => stack?.close());

/** An order that was paid after its session had expired, and its discrepancy. */
async function paidLate() {
    const session = (await stack.api.create(stack.order())).json;
    await stack.twin.act(session.sessionId, 'expire');
    await stack.api.refresh(session.sessionId);
    await stack.twin.act(session.sessionId, 'pay-after-expiry');
    const found = await stack.discrepancy(session.merchantOrderId, 'paid_after_expiry', 'open', 30);
    await allHandled(stack, session);
    return { session, found, id: found.id };
}

/** An order with as many sessions as it takes, of which two are paid; `pay` pays one more. */
async function paidTwice() {
    const terms = stack.order();
    const sessions = [(await stack.api.create(terms)).json];
    for (const metadata of [{ n: '2' }, { n: '3' }])
        sessions.push((await stack.api.create({ ...terms, metadata, supersede: true })).json);
    const pay = async () => {
        const session = sessions.shift();
        await stack.twin.pay(session.sessionId);
        await allHandled(stack, session);
    };
    await pay();
    await pay();
    const found = await stack.discrepancy(terms.merchantOrderId, 'duplicate_payment', 'open', 30);
    return { merchantOrderId: terms.merchantOrderId, found, pay };
}

/** The discrepancy as the list has it now. */
async function listed(id) {
    for (const state of ['open', 'resolved']) {
        const [found] = (await stack.discrepancies(id, { state })).filter((each) => each.id === id);
        if (found) return found;
    }
    return undefined;
}

const resolvedEvents = async (merchantOrderId) =>
    (await stack.finance.events(merchantOrderId)).filter(({ kind }) => kind === 'discrepancy_resolved');
const conflict = { expect: [409, 'discrepancy_already_resolved'] };
const refusedBody = { expect: [422, 'validation_failed'] };

describe('a discrepancy that is resolved', () => {
    test('says how, by whom and when; nothing else changes', async () => {
        const { session, found, id } = await paidLate();
        const { json: order } = await stack.finance.order(session.merchantOrderId);
        const { json } = await resolved(operator, id, settled, { headers: { 'x-request-id': 'e2e-resolve-1' } });
        assert.deepEqual(json, { ...found, ...settled, state: 'resolved', resolvedBy: 'operator', resolvedAt: json.resolvedAt });
        assert.ok(Math.abs(Date.parse(json.resolvedAt) - Date.now()) < 60_000, json.resolvedAt);
        assert.ok(Date.parse(json.resolvedAt) >= Date.parse(json.openedAt));
        assert.deepEqual(await listed(id), json);

        const { json: afterwards } = await stack.finance.order(session.merchantOrderId);
        assert.deepEqual({ ...afterwards, updatedAt: order.updatedAt }, { ...order, openDiscrepancies: [] });
        const [event, ...more] = await resolvedEvents(session.merchantOrderId);
        assert.deepEqual(more, []);
        assert.equal(event.requestId, 'e2e-resolve-1');
        assert.ok(JSON.stringify(event.data).includes('paid_after_expiry'), JSON.stringify(event.data));
        const [row] = await stack.database.query(
            `select state, resolution, note, resolved_by, merchant_order_id from reconciliation.discrepancies where discrepancy_id = $1`,
            [id],
        );
        assert.deepEqual(row, { state: 'resolved', ...settled, resolved_by: 'operator', merchant_order_id: session.merchantOrderId });
    });

    test('needs no note', async () => {
        const { id } = await paidLate();
        const { json } = await resolved(operator, id, { resolution: 'kept' });
        assert.deepEqual([json.resolution, json.note, json.state], ['kept', null, 'resolved']);
        assert.deepEqual((await resolved(operator, id, { resolution: 'kept' })).json, json);
    });

    test('may be resolved in the same way again, by anybody, and nothing changes', async () => {
        const { session, id } = await paidLate();
        const { json: first } = await resolved(operator, id, settled);
        const everyone = stack.api.as(stack.service.tokens.all);
        for (const client of [operator, everyone, operator]) assert.deepEqual((await resolved(client, id, settled)).json, first);
        assert.equal((await resolvedEvents(session.merchantOrderId)).length, 1);
    });

    test('is not resolved in another way', async () => {
        const { session, id } = await paidLate();
        const { json: first } = await resolved(operator, id, settled);
        for (const other of [
            { ...settled, resolution: 'kept' }, { ...settled, note: 'another' }, { resolution: settled.resolution },
        ])
            await resolved(operator, id, other, conflict);
        assert.deepEqual(await listed(id), first);
        assert.equal((await resolvedEvents(session.merchantOrderId)).length, 1);
    });

    test('bears the name of the token', async () => {
        const { id } = await paidLate();
        const { json } = await resolved(stack.api.as(stack.service.tokens.all), id, settled);
        assert.equal(json.resolvedBy, 'all');
    });

    test('by many at once is resolved by one of them', async () => {
        const second = await stack.serve('finance-discrepancies-second', { env });
        const replicas = [operator, stack.clientOf(second).as(second.tokens.operator)];
        const { session, id } = await paidLate();
        const answers = await Promise.all(
            Array.from({ length: 12 }, (_, i) => resolved(replicas[i % 2], id, { resolution: `by ${i % 6}` }, { expect: undefined })),
        );
        const won = answers.filter(({ status }) => status === 200);
        assert.equal(won.length, 2, 'two gave the same resolution');
        assert.deepEqual(won[0].json, won[1].json);
        for (const { status, json } of answers) assert.ok(status === 200 || json.code === 'discrepancy_already_resolved');
        assert.equal((await resolvedEvents(session.merchantOrderId)).length, 1);
        assert.deepEqual(await listed(id), won[0].json);
    });

    test('stays so while Clink says nothing new', async () => {
        const { session, id } = await paidLate();
        const { json: first } = await resolved(operator, id, settled);
        for (const { id: event } of await stack.twin.webhooks(session.sessionId))
            await stack.twin.control('POST', `webhooks/${event}/resend`);
        await stack.api.refresh(session.sessionId);
        await allHandled(stack, session);
        assert.deepEqual(await listed(id), first);
    });

    test('is opened again by other facts, and can be resolved anew', async () => {
        const { sessionId, merchantOrderId } = (await stack.api.create(stack.order())).json;
        const saying = async (merchantReferenceId) => {
            await stack.twin.act(sessionId, 'override', { merchantReferenceId });
            assert.equal((await stack.api.refresh(sessionId)).json.certainty, 'confirmed');
            const [found, ...more] = await stack.discrepancies(merchantOrderId, { kind: 'reference_mismatch' });
            assert.deepEqual(more, []);
            return found;
        };
        const found = await saying('ANOTHER-1');
        const { json: first } = await resolved(operator, found.id, settled);
        assert.equal(await saying('ANOTHER-1'), undefined);
        assert.deepEqual(await listed(found.id), first);

        const again = await saying('ANOTHER-2');
        const { resolvedAt, resolution, note, resolvedBy } = again;
        assert.deepEqual([again.id, again.subject, resolvedAt, resolution, note, resolvedBy], [found.id, found.subject, null, null, null, null]);
        assert.ok(JSON.stringify(found.detail).includes('ANOTHER-1') && JSON.stringify(again.detail).includes('ANOTHER-2'));
        const { json: order } = await stack.finance.order(merchantOrderId);
        assert.deepEqual(order.openDiscrepancies.map(({ id, detail }) => [id, detail]), [[found.id, again.detail]]);

        const { json } = await resolved(operator, found.id, { resolution: 'mended at Clink' });
        assert.deepEqual([json.state, json.resolution, json.note, json.detail], ['resolved', 'mended at Clink', null, again.detail]);
        const kinds = (await stack.finance.events(merchantOrderId)).map(({ kind }) => kind).filter((kind) => kind.startsWith('discrepancy_'));
        assert.deepEqual(kinds, ['discrepancy_opened', 'discrepancy_resolved', 'discrepancy_opened', 'discrepancy_resolved']);
    });

    test('about a second payment is none about a third', async () => {
        const { merchantOrderId, found, pay } = await paidTwice();
        const { json: first } = await resolved(operator, found.id, settled);
        await pay();
        const another = await stack.discrepancy(merchantOrderId, 'duplicate_payment', 'open', 30);
        assert.notEqual(another.detail.payments, found.detail.payments);
        if (another.id !== found.id) assert.deepEqual(await listed(found.id), first);
    });

    test('by the service itself is not resolved again by an operator', async () => {
        const { merchantOrderId, found } = await paidTwice();
        const { json: order } = await stack.finance.order(merchantOrderId);
        const [{ sessionId }] = order.payments;
        await stack.twin.act(sessionId, 'refund');
        await stack.discrepancy(merchantOrderId, 'duplicate_payment', 'resolved', 30);
        assert.equal((await listed(found.id)).resolvedBy, 'service');
        await resolved(operator, found.id, settled, conflict);
    });

    test('may belong to no order', async () => {
        const sessionId = await stack.twin.foreignSession();
        await stack.twin.pay(sessionId);
        const [{ id: event }] = await stack.twin.webhooks(sessionId);
        const found = await stack.discrepancy(event, 'orphan_event', 'open', 30);
        const { json } = await resolved(operator, found.id, settled);
        assert.deepEqual([json.merchantOrderId, json.state, json.resolvedBy], [null, 'resolved', 'operator']);
        assert.deepEqual((await resolved(operator, found.id, settled)).json, json);
    });
});

describe('a resolve that is wrong', () => {
    let id;
    before(async () => ({ id } = await paidLate()));
    after(async () => assert.equal((await listed(id)).state, 'open', 'nothing of it had an effect'));

    test('names every wrong field at once', async () => {
        for (const [body, ...named] of [
            [{}, '/resolution'], [{ note: 'x' }, '/resolution'], [{ resolution: '' }, '/resolution'], [{ resolution: null }, '/resolution'],
            [{ resolution: ' \t' }, '/resolution'], [{ resolution: 7 }, '/resolution'], [{ resolution: ['x'] }, '/resolution'],
            [{ resolution: 'x'.repeat(201) }, '/resolution'],
            [{ resolution: '🎉'.repeat(201) }, '/resolution'], [{ resolution: 'a\u0000b' }, '/resolution'],
            [{ resolution: 'x', note: 'x'.repeat(2001) }, '/note'], [{ resolution: 'x', note: 7 }, '/note'], [{ resolution: 'x', note: {} }, '/note'],
            [{ resolution: 'x', note: 'a\u0000b' }, '/note'], [{ resolution: 'a\nb', note: 'a\nb' }, '/note', '/resolution'],
            [{ resolution: 'x', state: 'resolved' }, '/state'],
            [{ resolution: 'x', resolvedBy: 'me' }, '/resolvedBy'], [{ resolution: '', note: 1, by: 'x' }, '/by', '/note', '/resolution'],
            [[], ''], ['"text"', ''],
        ]) {
            const answer = await resolved(operator, id, body, refusedBody);
            assert.deepEqual(pointers(answer), named, JSON.stringify(body));
        }
    });

    test('is no JSON, or not as such', async () => {
        for (const body of ['{', '{"resolution":"a","resolution":"b"}', '', '{"resolution":"\\ud800"}'])
            await resolved(operator, id, body, { expect: [400, 'malformed_json'] });
        await resolved(operator, id, '{}', { headers: { 'content-type': 'text/plain' }, expect: [415, 'unsupported_media_type'] });
        const large = JSON.stringify({ resolution: 'x', note: 'x'.repeat(300 * 1024) });
        await resolved(operator, id, large, { expect: [413, 'body_too_large'] });
    });

    test('names a discrepancy that is not there', async () => {
        for (const unknown of ['999999999', '0', '-1', 'x', '1x', '1.0', ' 1', '99999999999999999999', '9223372036854775808', '1;2', 'a/b'])
            await resolved(operator, unknown, settled, { expect: [404, 'discrepancy_not_found'] });
    });

    test('is not from an operator', async () => {
        for (const client of [stack.api, stack.finance]) await resolved(client, id, settled, { expect: [403, 'insufficient_scope'] });
        await resolved(stack.api.as(null), id, settled, { expect: [401, 'unauthorized'] });
        await operator.discrepancies({}, { expect: [403, 'insufficient_scope'] });
    });

    test('is no POST', async () => {
        for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
            const path = `/v1/reconciliation/discrepancies/${id}/resolve`;
            const { headers } = await operator.raw({ method, path, expect: [405, 'method_not_allowed'] });
            assert.equal(headers.allow, 'POST');
        }
    });
});

test('what is given is kept as it is, up to the limits', async () => {
    const most = { resolution: '🎉'.repeat(200), note: `=1+1,"x";${'ü'.repeat(1990)}` };
    const { id } = await paidLate();
    const { json } = await resolved(operator, id, most);
    assert.deepEqual([json.resolution, json.note], [most.resolution, most.note]);
    assert.deepEqual(await listed(id), json);
});

test('the list says as of when', async () => {
    const { json } = await stack.finance.discrepancies({ limit: '1' });
    assert.ok(Math.abs(Date.parse(json.asOf) - Date.now()) < 60_000, json.asOf);
    for (const accept of ['text/csv', 'application/x-ndjson', 'image/png'])
        await stack.finance.discrepancies({}, { headers: { accept }, expect: [406, 'not_acceptable'] });
    await stack.finance.raw({ path: '/v1/reconciliation/discrepancies?state=open&state=open', expect: [422, 'validation_failed'] });
});
