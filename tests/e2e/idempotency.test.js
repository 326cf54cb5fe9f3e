// One order, one page: replays, conflicts, races, and what ends an attempt.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Stack } from './support/stack.js';

let stack;
before(async () => (stack = await Stack.start('idempotency')));
after(() => stack?.close());

const replayed = (answer) => answer.headers['idempotent-replayed'] === 'true';
const createsOf = async ({ merchantOrderId }) =>
    (await stack.twin.calls({ operation: 'create', reference: merchantOrderId })).length;
const attemptsOf = async ({ merchantOrderId }) => (await stack.api.order(merchantOrderId)).json.attempts;

describe('the same terms again', () => {
    test('give the same session', async () => {
        const terms = stack.order();
        const first = await stack.api.create(terms);
        const second = await stack.api.create(terms, { expect: 200 });
        assert.ok(!replayed(first));
        assert.ok(replayed(second));
        assert.deepEqual(second.json, first.json);
        assert.equal(second.headers.location, first.headers.location);
        assert.equal(await createsOf(terms), 1);
    });

    test('however they are written', async () => {
        const terms = stack.order({ priceDataList: [{ name: 'Mug', unitAmount: '49.90' }], metadata: { a: '1', b: '2' } });
        const { json } = await stack.api.create(terms);
        const variants = [
            { ...terms, originalAmount: 49.9 },
            { ...terms, originalAmount: '49.9', priceDataList: [{ name: 'Mug', unitAmount: 49.9, quantity: 1, currency: 'USD' }] },
            { ...terms, uiMode: 'hostedPage', supersede: false },
            { ...terms, metadata: { b: '2', a: '1' } },
            Object.fromEntries(Object.entries(terms).reverse()),
            { ...terms, supersede: true },
        ];
        for (const variant of variants) {
            const again = await stack.api.create(variant, { expect: 200 });
            assert.equal(again.json.sessionId, json.sessionId);
        }
        assert.equal(await createsOf(terms), 1);
    });
});

describe('other terms', () => {
    test('are a conflict that names each difference', async () => {
        const terms = stack.order({ metadata: { channel: 'web' } });
        await stack.api.create(terms);
        const other = stack.order({
            merchantOrderId: terms.merchantOrderId,
            originalAmount: '59.90',
            customerEmail: terms.customerEmail,
            metadata: { channel: 'app' },
            localPriceOnly: true,
        });
        const { json } = await stack.api.create(other, { expect: [409, 'order_terms_conflict'] });
        const conflicts = Object.fromEntries(json.conflicts.map(({ pointer, ...rest }) => [pointer, rest]));
        assert.deepEqual(conflicts['/originalAmount'], { recorded: '49.90', requested: '59.90' });
        assert.deepEqual(conflicts['/metadata/channel'], { recorded: 'web', requested: 'app' });
        assert.deepEqual(conflicts['/priceDataList/0/unitAmount'], { recorded: '49.90', requested: '59.90' });
        assert.equal(conflicts['/localPriceOnly'].recorded, null);
        assert.equal(Object.keys(conflicts).length, 4);
        assert.equal(await createsOf(terms), 1);
    });

    const changes = {
        successUrl: 'https://shop.example/other', cancelUrl: undefined, customerEmail: 'eve@shop.example', referenceCustomerId: 'user-9',
        allowPromotionCodes: true, paymentMethodType: 'CARD', paymentMethodTypeBlackList: ['KAKAO'], extra: { future: 1 },
    };
    for (const [field, value] of Object.entries(changes))
        test(`in ${field}`, async () => {
            const terms = stack.order();
            await stack.api.create(terms);
            const { json } = await stack.api.create({ ...terms, [field]: value }, { expect: [409, 'order_terms_conflict'] });
            for (const { pointer } of json.conflicts) assert.equal(pointer.split('/')[1], field, pointer);
        });
});

describe('concurrent requests', () => {
    const together = (count, work) => Promise.all(Array.from({ length: count }, (_, i) => work(i)));

    test('make one session, also over two replicas', async () => {
        const replica = stack.clientOf(await stack.serve('idempotency-replica'));
        const clients = [stack.api, replica];
        for (let round = 0; round < 5; round++) {
            const terms = stack.order();
            await stack.twin.fault({ operation: 'create', fault: 'delay', match: terms.merchantOrderId, delay_ms: 150 });
            const answers = await together(24, (i) => clients[i % 2].create(terms, { expect: undefined }));
            assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(23).fill(200), 201]);
            assert.equal(new Set(answers.map(({ json }) => json.sessionId)).size, 1);
            assert.equal(await createsOf(terms), 1);
        }
    });

    test("share a failed winner's answer", async () => {
        const terms = stack.order();
        const refusal = { fault: 'business_error', code: 400, msg: 'no such currency here' };
        await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, delay_ms: 2_500, ...refusal });
        const winner = stack.api.create(terms, { expect: [502, 'clink_rejected'] });
        await stack.twin.called({ operation: 'create', reference: terms.merchantOrderId });
        const others = together(8, () => stack.api.create(terms, { expect: [502, 'clink_rejected'] }));
        await Promise.all([winner, others]);
        assert.equal(await createsOf(terms), 1);
    });

    test('on other terms are refused while the first is on its way', async () => {
        const terms = stack.order();
        await stack.twin.fault({ operation: 'create', fault: 'delay', match: terms.merchantOrderId, delay_ms: 2_500 });
        const first = stack.api.create(terms);
        await stack.twin.called({ operation: 'create', reference: terms.merchantOrderId });
        await stack.api.create({ ...terms, localPriceOnly: true }, { expect: [409, 'order_terms_conflict'] });
        await first;
    });

    test('for many orders do not wait for each other', async () => {
        const orders = Array.from({ length: 40 }, () => stack.order());
        const answers = await Promise.all(orders.map((terms) => stack.api.create(terms)));
        assert.equal(new Set(answers.map(({ json }) => json.sessionId)).size, orders.length);
    });
});

describe('supersede', () => {
    const otherTerms = (terms, amount = '59.90') => ({
        ...terms, originalAmount: amount, priceDataList: [{ name: 'Enamel mug', unitAmount: amount }], supersede: true,
    });

    test('replaces the session, which stays watched', async () => {
        const terms = stack.order();
        const { json: old } = await stack.api.create(terms);
        const { json: fresh } = await stack.api.create(otherTerms(terms));
        assert.equal(fresh.attempt, 2);
        assert.notEqual(fresh.sessionId, old.sessionId);
        assert.equal(fresh.originalAmount, '59.90');
        assert.equal((await stack.twin.calls({ operation: 'get_session', reference: terms.merchantOrderId })).length, 1);

        const [first, second] = await attemptsOf(terms);
        assert.equal(first.status, 'open');
        assert.notEqual(first.supersededAt, null);
        assert.equal(second.supersededAt, null);
        assert.equal((await stack.api.session(old.sessionId)).json.url, null);
        assert.equal((await stack.api.create(otherTerms(terms), { expect: 200 })).json.sessionId, fresh.sessionId);
        await stack.api.create(terms, { expect: [409, 'order_terms_conflict'] });

        await stack.twin.pay(old.sessionId);
        await stack.api.refresh(old.sessionId);
        const { json: order } = await stack.api.order(terms.merchantOrderId);
        assert.equal(order.payments.length, 1);
        assert.deepEqual(order.openDiscrepancies.map(({ kind }) => kind), ['paid_on_superseded']);
    });

    test('is refused when the old session turns out to be paid', async () => {
        const terms = stack.order();
        const { json: old } = await stack.api.create(terms);
        await stack.twin.pay(old.sessionId);
        await stack.api.create(otherTerms(terms), { expect: [409, 'order_already_paid'] });
        assert.equal((await stack.api.order(terms.merchantOrderId)).json.state, 'paid');
        assert.equal(await createsOf(terms), 1);
    });

    test('is refused while a payment is processing', async () => {
        const terms = stack.order();
        const { json: old } = await stack.api.create(terms);
        await stack.twin.act(old.sessionId, 'process');
        const answer = await stack.api.create(otherTerms(terms), { expect: [409, 'payment_processing'] });
        assert.match(answer.headers['retry-after'], /^[1-9][0-9]*$/);
        assert.equal(await createsOf(terms), 1);
    });

    test('is refused when Clink does not answer about the old session', async () => {
        const terms = stack.order();
        const { json: old } = await stack.api.create(terms);
        await stack.twin.fault({ operation: 'get_session', match: old.sessionId, fault: 'http_status', status: 503, count: 0 });
        await stack.api.create(otherTerms(terms), { expect: [503, 'clink_unavailable'] });
        await stack.twin.clearFaults();
        assert.equal(await createsOf(terms), 1);
    });

    test('leaves the old session current when the new create fails', async () => {
        const terms = stack.order();
        const { json: old } = await stack.api.create(terms);
        await stack.twin.fault({ operation: 'create', fault: 'business_error', code: 400, msg: 'no', match: terms.merchantOrderId });
        await stack.api.create(otherTerms(terms), { expect: [502, 'clink_rejected'] });
        const { json } = await stack.api.create(terms, { expect: 200 });
        assert.equal(json.sessionId, old.sessionId);
        assert.equal((await stack.api.session(old.sessionId)).json.url, old.url);
    });

    test('is possible five times over, not six', async () => {
        const terms = stack.order();
        await stack.api.create(terms);
        for (let i = 1; i <= 5; i++) await stack.api.create(otherTerms(terms, `${60 + i}.00`));
        await stack.api.create(otherTerms(terms, '99.00'), { expect: [409, 'too_many_open_sessions'] });
        assert.equal(await createsOf(terms), 6);
    });
});

describe('after the end of an attempt', () => {
    test('a paid order gets no further session', async () => {
        const terms = stack.order();
        const { json } = await stack.api.create(terms);
        await stack.twin.pay(json.sessionId);
        await stack.api.refresh(json.sessionId);
        await stack.api.create(terms, { expect: [409, 'order_already_paid'] });
        await stack.api.create({ ...terms, localPriceOnly: true, supersede: true }, { expect: [409, 'order_already_paid'] });
        assert.equal(await createsOf(terms), 1);
    });

    test('a processing payment blocks', async () => {
        const terms = stack.order();
        const { json } = await stack.api.create(terms);
        await stack.twin.act(json.sessionId, 'process');
        const { json: outcome } = await stack.api.refresh(json.sessionId);
        assert.equal(outcome.paymentStatus, 'processing');
        assert.equal((await stack.api.order(terms.merchantOrderId)).json.state, 'processing');
        const answer = await stack.api.create(terms, { expect: [409, 'payment_processing'] });
        assert.match(answer.headers['retry-after'], /^[1-9][0-9]*$/);
        assert.equal(await createsOf(terms), 1);
    });

    test('an expired one makes room, also for other terms', async () => {
        const terms = stack.order();
        const { json: old } = await stack.api.create(terms);
        await stack.twin.act(old.sessionId, 'expire');
        const { json: outcome } = await stack.api.refresh(old.sessionId);
        assert.deepEqual([outcome.status, outcome.paymentStatus], ['expired', 'unpaid']);
        const { json: fresh } = await stack.api.create({ ...terms, localPriceOnly: true });
        assert.equal(fresh.attempt, 2);
        assert.equal((await stack.api.session(old.sessionId)).json.url, null);
        assert.equal((await stack.api.order(terms.merchantOrderId)).json.terms.localPriceOnly, true);
    });

    test('a refused one makes room, also for other terms', async () => {
        const terms = stack.order();
        await stack.twin.fault({ operation: 'create', fault: 'business_error', code: 400, msg: 'no', match: terms.merchantOrderId });
        await stack.api.create(terms, { expect: [502, 'clink_rejected'] });
        assert.equal((await stack.api.create({ ...terms, localPriceOnly: true })).json.attempt, 2);
    });

    describe('by the clock', () => {
        // A session whose time of expiry, as Clink told it, has passed.
        async function outdated() {
            const terms = stack.order();
            const expireTime = new Date(Date.now() - 60_000).toISOString();
            const fields = { expireTime };
            await stack.twin.fault({ operation: 'create', fault: 'set_fields', fields, match: terms.merchantOrderId });
            const { json } = await stack.api.create(terms);
            return { terms, session: json };
        }

        test('Clink is asked first, and still open is a replay', async () => {
            const { terms, session } = await outdated();
            const { json } = await stack.api.create(terms, { expect: 200 });
            assert.equal(json.sessionId, session.sessionId);
            assert.equal((await stack.twin.calls({ operation: 'get_session', reference: terms.merchantOrderId })).length, 1);
        });

        test('expired by its word makes room', async () => {
            const { terms, session } = await outdated();
            await stack.twin.act(session.sessionId, 'expire');
            assert.equal((await stack.api.create(terms)).json.attempt, 2);
        });

        test('a payment at the last second is found', async () => {
            const { terms, session } = await outdated();
            await stack.twin.pay(session.sessionId);
            await stack.api.create(terms, { expect: [409, 'order_already_paid'] });
            assert.equal((await stack.api.order(terms.merchantOrderId)).json.state, 'paid');
        });

        test('no answer makes no second session', async () => {
            const { terms, session } = await outdated();
            await stack.twin.fault({ operation: 'get_session', fault: 'http_status', status: 503, count: 0, match: session.sessionId });
            const answer = await stack.api.create(terms, { expect: [503, 'clink_unavailable'] });
            assert.match(answer.headers['retry-after'], /^[1-9][0-9]*$/);
            await stack.twin.clearFaults();
            assert.equal(await createsOf(terms), 1);
        });
    });
});

describe('cancel', () => {
    test('is idempotent and final', async () => {
        const terms = stack.order();
        const { json: session } = await stack.api.create(terms);
        const { json: cancelled } = await stack.api.cancel(terms.merchantOrderId);
        assert.equal(cancelled.state, 'cancelled');
        assert.notEqual(cancelled.cancelledAt, null);
        const { json: again } = await stack.api.cancel(terms.merchantOrderId);
        assert.equal(again.cancelledAt, cancelled.cancelledAt);
        await stack.api.create(terms, { expect: [409, 'order_cancelled'] });
        await stack.api.create({ ...terms, localPriceOnly: true, supersede: true }, { expect: [409, 'order_cancelled'] });
        assert.equal((await stack.api.session(session.sessionId)).json.url, null);
        const kinds = (await stack.api.events(terms.merchantOrderId)).map(({ kind }) => kind);
        assert.equal(kinds.filter((kind) => kind === 'order_cancelled').length, 1);
    });

    test('is refused for a paid order', async () => {
        const terms = stack.order();
        const { json } = await stack.api.create(terms);
        await stack.twin.pay(json.sessionId);
        await stack.api.refresh(json.sessionId);
        await stack.api.cancel(terms.merchantOrderId, { expect: [409, 'order_already_paid'] });
        assert.equal((await stack.api.order(terms.merchantOrderId)).json.state, 'paid');
    });

    test('keeps a create that is under way from being released', async () => {
        const terms = stack.order();
        await stack.twin.fault({ operation: 'create', fault: 'delay', match: terms.merchantOrderId, delay_ms: 2_500 });
        const create = stack.api.create(terms, { expect: [409, 'order_cancelled'] });
        await stack.twin.called({ operation: 'create', reference: terms.merchantOrderId });
        await stack.api.cancel(terms.merchantOrderId);
        await create;
        const [attempt] = await attemptsOf(terms);
        assert.equal(attempt.status, 'dark');
        assert.equal(attempt.releasedAt, null);
        assert.equal(attempt.sessionId, null, 'not shown to a storefront');
        const { json: seenByFinance } = await stack.finance.order(terms.merchantOrderId);
        const [atClink] = await stack.twin.sessions(terms.merchantOrderId);
        assert.equal(seenByFinance.attempts[0].sessionId, atClink.sessionId);
        await stack.api.session(atClink.sessionId, { expect: [404, 'session_not_found'] });
        assert.equal((await stack.finance.session(atClink.sessionId)).json.status, 'dark');
    });

    test('does not hide a payment that comes later', async () => {
        const terms = stack.order();
        const { json } = await stack.api.create(terms);
        await stack.api.cancel(terms.merchantOrderId);
        await stack.twin.pay(json.sessionId);
        assert.equal((await stack.api.refresh(json.sessionId)).json.paid, true);
        const { json: order } = await stack.api.order(terms.merchantOrderId);
        assert.equal(order.state, 'paid');
        assert.notEqual(order.cancelledAt, null);
        assert.deepEqual(order.openDiscrepancies.map(({ kind }) => kind), ['paid_after_cancel']);
    });
});
