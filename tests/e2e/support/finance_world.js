// A world for finance: orders in every state that the record knows, in currencies with 0, 2 and 3 digits, with ids and texts
// that a careless export would spoil.
import assert from 'node:assert/strict';

import { eventually } from './environment.js';
import { Stack } from './stack.js';
import { allHandled } from './webhooks.js';

/** The sweeper works off the inbox and asks about nothing; a create that stalls stays under way for as long as the suite. */
export const worldEnv = {
    CLINK_TIMEOUT_MS: '120000', SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '86400', DATABASE_POOL_SIZE: '8',
};

export const amounts = { USD: '49.90', EUR: '20.01', JPY: '500', KWD: '1.250' };

export const oddIds = [
    'a,b', 'say "hi"', '"', '""', ',', '=1+1', '=HYPERLINK("http://x","y")', '+1', '-1', '@SUM(A1)', "it's; fine", "'quoted'", 'NULL', '\\N',
    'back\\slash', '#hash', '1e5', '007', 'true', '注文-🎉', 'ünï cödé', 'e\u0301 é', 'a\u2028b\u2029c', 'من-اليمين', 'b\ufeffom',
    '{"a":[1]}', 'a  b',
];

export const hardReason = '=said "no", twice; 注文';

export class World {
    static async start(label, { env = {} } = {}) {
        const world = new World();
        world.stack = await Stack.start(label, { env: { ...worldEnv, ...env }, webhooks: {} });
        return world;
    }

    async build() {
        for (const merchantOrderId of oddIds) await this.created({ merchantOrderId });
        for (const [originalCurrency, originalAmount] of Object.entries(amounts)) await this.#inCurrency({ originalAmount, originalCurrency });
        await this.#verdicts();
        await this.#endings();
        await this.#refunds();
        await this.#unknown();
        await this.stack.webhooks();
        // Ended sessions and pending refunds would be asked about again soon; the world stands still.
        for (const table of ['sessions', 'refunds']) await this.stack.database.query(`update checkout.${table} set next_check_at = null`);
        return this;
    }

    /** Closes the stack; a create that stalls gets its end first. */
    async close() {
        await this.stack.twin?.stop();
        await this.stalled;
        await this.stack.close();
    }

    async created(changes) {
        return (await this.stack.api.create(this.stack.order(changes))).json;
    }

    /** Created and paid, and known to be paid in the state given. */
    async paid(changes = {}, choice = {}, state = 'paid') {
        const session = await this.created(changes);
        await this.stack.twin.pay(session.sessionId, choice);
        await allHandled(this.stack, session);
        await this.stack.settled(session.merchantOrderId, state, 30);
        return session;
    }

    async refund(session, choice, status = 'success') {
        const before = (await this.order(session)).refunds.length;
        await this.stack.twin.act(session.sessionId, 'refund', choice);
        await eventually(
            `a refund of ${session.merchantOrderId} is ${status}`,
            async () => {
                const { refunds } = await this.order(session);
                return refunds.length > before && refunds.at(-1).status === status;
            },
            30,
        );
        await allHandled(this.stack, session);
    }

    async order({ merchantOrderId }) {
        return (await this.stack.finance.order(merchantOrderId)).json;
    }

    /** Two sessions of one order, both paid. */
    async paidTwice(changes = {}) {
        const terms = this.stack.order(changes);
        const first = (await this.stack.api.create(terms)).json;
        const second = (await this.stack.api.create({ ...terms, localPriceOnly: true, supersede: true })).json;
        for (const { sessionId } of [first, second]) await this.stack.twin.pay(sessionId);
        await this.stack.settled(terms.merchantOrderId, 'overpaid', 30);
        for (const session of [first, second]) await allHandled(this.stack, session);
        return { first, second };
    }

    async #inCurrency(changes) {
        await this.created(changes);
        await this.paid(changes);
        const back = await this.paid(changes);
        await this.refund(back);
        const part = await this.paid(changes);
        await this.refund(part, { refundAmount: changes.originalCurrency === 'JPY' ? '499' : '0.01', refundReason: hardReason });
        await this.paidTwice(changes);
    }

    async #verdicts() {
        const { stack } = this;
        await this.paid({ originalAmount: '9.99' }, { paymentCurrency: 'BRL', amountTotal: '53.2612345' });
        await this.paid({}, { paymentCurrency: 'EUR', exchange_rate: '0.5' });
        await this.paid({ allowPromotionCodes: true }, { discount: '5.00' });
        await this.paid({}, { surcharge: '1.25' });
        await this.paid({}, { amountTotal: '4.99' }, 'underpaid');
        await this.#saying({ amountTotal: 60, amountSubtotal: 60 }, 'paid');
        await this.#saying({ amountTotal: null, amountSubtotal: null }, 'underpaid');
        const product = await this.paid({ productId: 'prd_1', priceId: 'price_1', priceDataList: undefined }, { recurring: true });
        for (let i = 0; i < 2; i++) await stack.twin.act(product.sessionId, 'renew');
        await eventually('the renewals are known', async () => (await this.order(product)).payments.length === 3, 30);
        await allHandled(stack, product);
    }

    /** Paid, with Clink saying such amounts of the session and its order before anybody asks. */
    async #saying(members, state) {
        const { stack } = this;
        const session = await this.created();
        await stack.webhooks({ hold: true });
        await stack.twin.pay(session.sessionId);
        const [{ orderId }] = await stack.twin.orders(session.merchantOrderId);
        await stack.twin.act(session.sessionId, 'override', members);
        await stack.twin.control('POST', `orders/${orderId}/override`, members);
        await stack.twin.flush();
        await stack.webhooks();
        await stack.settled(session.merchantOrderId, state, 30);
        await allHandled(stack, session);
    }

    async #endings() {
        const { stack } = this;
        await this.created({ uiMode: 'elements', returnUrl: stack.storefront.url('/return'), successUrl: undefined, cancelUrl: undefined });
        const expired = await this.created();
        await stack.twin.act(expired.sessionId, 'expire');
        await stack.api.refresh(expired.sessionId);
        const late = await this.created();
        await stack.twin.act(late.sessionId, 'expire');
        await stack.api.refresh(late.sessionId);
        await stack.twin.act(late.sessionId, 'pay-after-expiry');
        await stack.settled(late.merchantOrderId, 'paid', 30);
        const processing = await this.created();
        await stack.twin.act(processing.sessionId, 'process');
        await stack.api.refresh(processing.sessionId);
        await stack.api.cancel((await this.created()).merchantOrderId);
        const cancelled = await this.created();
        await stack.api.cancel(cancelled.merchantOrderId);
        await stack.twin.pay(cancelled.sessionId);
        await stack.settled(cancelled.merchantOrderId, 'paid', 30);
        for (const session of [expired, late, processing, cancelled]) await allHandled(stack, session);
    }

    async #refunds() {
        const { stack } = this;
        const several = await this.paid();
        for (const refundAmount of ['10', '0.05', undefined]) await this.refund(several, { refundAmount });
        await this.refund(await this.paid(), { outcome: 'pending', refundMerchantOrderId: 'RMA "7", =1' }, 'created');
        await this.refund(await this.paid(), { outcome: 'failed' }, 'failed');
        const brazilian = await this.paid({}, { paymentCurrency: 'BRL', amountTotal: '266.42' });
        await this.refund(brazilian, { refundAmount: '66.42' });
        const foreign = await stack.twin.foreignSession();
        await stack.twin.pay(foreign);
        await stack.twin.act(foreign, 'refund');
        await allHandled(stack, { sessionId: foreign });
        await eventually('the refund of nobody is on record', async () => {
            const [{ count }] = await stack.database.query('select count(*)::int as count from checkout.refunds where order_id is null');
            return count === 1;
        }, 30);
    }

    async #unknown() {
        const { stack } = this;
        const refused = stack.order();
        await stack.twin.fault({ operation: 'create', match: refused.merchantOrderId, fault: 'business_error', code: 41203 });
        await stack.api.create(refused, { expect: [502, 'clink_rejected'] });
        for (const isPaid of [false, true]) {
            const dark = stack.order();
            await stack.twin.fault({ operation: 'create', match: dark.merchantOrderId, fault: 'lost_answer' });
            await stack.api.create(dark, { expect: [504, 'clink_outcome_unknown'] });
            if (!isPaid) continue;
            const [{ sessionId }] = await stack.twin.sessions(dark.merchantOrderId);
            await stack.twin.pay(sessionId);
            await stack.settled(dark.merchantOrderId, 'paid', 30);
            await allHandled(stack, { sessionId });
        }
        const stalled = stack.order();
        await stack.twin.fault({ operation: 'create', match: stalled.merchantOrderId, fault: 'stall', wait_ms: 600_000 });
        this.stalled = stack.api.create(stalled, { expect: undefined }).catch(() => {});
        await stack.twin.called({ operation: 'create', reference: stalled.merchantOrderId });
    }
}

/** What a whole world must have, so that a test of it cannot pass on less. */
export async function assertComplete(database) {
    const distinct = async (column, table) =>
        (await database.query(`select distinct ${column} as value from checkout.${table} order by 1`)).map(({ value }) => value);
    assert.deepEqual(await distinct('status', 'sessions'), ['completed', 'creating', 'dark', 'expired', 'open', 'refused']);
    assert.deepEqual(await distinct('payment_status', 'sessions'), ['paid', 'processing', 'unpaid']);
    assert.deepEqual(await distinct('original_currency', 'sessions'), ['EUR', 'JPY', 'KWD', 'USD']);
    const verdicts = ['converted', 'discounted', 'exact', 'over', 'short', 'surcharged', 'unknown'];
    assert.deepEqual(await distinct('verdict', 'payments'), verdicts);
    assert.deepEqual(await distinct('kind', 'payments'), ['payment', 'renewal']);
    assert.deepEqual(await distinct('payment_currency', 'payments'), ['BRL', 'EUR', 'JPY', 'KWD', 'USD']);
    assert.deepEqual(await distinct('status', 'refunds'), ['created', 'failed', 'success']);
    assert.deepEqual(await distinct('(payment_id is null)', 'refunds'), [false, true]);
    const states = ['cancelled', 'overpaid', 'paid', 'partially_refunded', 'processing', 'refunded', 'underpaid', 'unpaid'];
    assert.deepEqual(await distinct('state', 'orders'), states);
}
