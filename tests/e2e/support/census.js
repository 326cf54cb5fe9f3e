// Orders in every state, and then a Clink that says something else: what a census has to find. What is expected is computed
// from what Clink knows and from what was damaged here, never from the service's own record.
import assert from 'node:assert/strict';

import { exchange } from './http.js';
import { eventually } from './environment.js';
import { summed } from './command.js';

const patience = 30;
const paidStatuses = new Set(['success', 'partial_refunded', 'refunded']);

/** A session at Clink that bears a reference of ours, or none, and that this service never asked for. */
export async function madeElsewhere(twin, merchantReferenceId, amount = 10, currency = 'USD') {
    const body = JSON.stringify({
        originalAmount: amount, originalCurrency: currency, customerEmail: 'else@where.example', merchantReferenceId,
        priceDataList: [{ name: 'x', unitAmount: amount, quantity: 1 }],
    });
    const headers = { 'x-api-key': twin.apiKey, 'x-timestamp': String(Date.now()), 'content-type': 'application/json' };
    const { text } = await exchange(twin.base, { method: 'POST', path: '/api/checkout/session', headers, body });
    return JSON.parse(text).data.sessionId;
}

/** Pays it and gives the id of Clink's order. */
export async function paidAt(twin, sessionId, choice) {
    return (await twin.pay(sessionId, choice)).session.orderId;
}

export const forget = async (twin, kind, id) => {
    await twin.secrets();
    return twin.control('POST', `${kind}/${id}/forget`);
};

/** A new order with a page; `changes` as Stack.order's. */
export const released = async (stack, changes) => (await stack.api.create(stack.order(changes))).json;

/** A new order that was paid and is known to be. */
export async function sold(stack, changes, choice) {
    const session = await released(stack, changes);
    const clinkOrderId = await paidAt(stack.twin, session.sessionId, choice);
    await stack.api.refresh(session.sessionId);
    const { json: order } = await stack.finance.order(session.merchantOrderId);
    assert.equal(order.payments.length, 1);
    return { ...session, clinkOrderId };
}

/** An order of which the first attempt is dark: Clink has a session, nobody else knows of it. */
export async function darkened(stack) {
    const terms = stack.order();
    await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, after_work: true, fault: 'lost_answer' });
    await stack.api.create(terms, { expect: [504, 'clink_outcome_unknown'] });
    const [{ sessionId }] = await stack.twin.sessions(terms.merchantOrderId);
    return { merchantOrderId: terms.merchantOrderId, sessionId, terms };
}

/** Expired at Clink, and known to be. */
export async function expired(stack) {
    const session = await released(stack);
    await stack.twin.act(session.sessionId, 'expire');
    await stack.api.refresh(session.sessionId);
    assert.equal((await stack.api.session(session.sessionId)).json.status, 'expired');
    return session;
}

/** A paid order of which a refund is on record: Clink told of it by webhook. */
export async function refunded(stack, changes, refundAmount) {
    const session = await sold(stack, changes);
    await stack.twin.act(session.sessionId, 'refund', { refundAmount });
    await stack.settled(session.merchantOrderId, refundAmount ? 'partially_refunded' : 'refunded', patience);
    return session;
}

/**
 * Awaits that nothing more comes of what was done so far, and turns the sweeper off: from here on a difference is found by who is
 * told to look for it.
 */
export async function still(stack) {
    await stack.twin.webhooks();
    await eventually('every event of Clink\'s is handled', async () => {
        const [{ waiting }] = await stack.database.query("select count(*)::int as waiting from checkout.webhooks where state = 'received'");
        return waiting === 0;
    }, patience);
    stack.service.settings.SWEEP_INTERVAL_SECONDS = '0';
    await stack.service.restart();
}

/** What all payments at Clink come to, of the references given: `[currency, amount]` rows. */
export async function paymentsAtClink(twin, references) {
    const rows = await Promise.all(references.map((reference) => twin.orders(reference)));
    return rows
        .flat()
        .filter(({ status }) => paidStatuses.has(status))
        .map(({ paymentCurrency, amountTotal }) => [paymentCurrency, amountTotal]);
}

/** Orders in many currencies and states, all of them as Clink has them. Gives their ids. */
export async function cleanWorld(stack) {
    const pay = (originalAmount, originalCurrency, choice, changes) => () =>
        sold(stack, { originalAmount, originalCurrency, ...changes }, choice);
    const superseded = async () => {
        const terms = stack.order();
        await stack.api.create(terms);
        const other = { ...terms, originalAmount: '59.90', priceDataList: [{ name: 'Mug', unitAmount: '59.90' }], supersede: true };
        const { json } = await stack.api.create(other);
        await stack.twin.pay(json.sessionId);
        await stack.api.refresh(json.sessionId);
        return json;
    };
    const refused = async () => {
        const terms = stack.order();
        await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, fault: 'business_error', code: 400, msg: 'no' });
        await stack.api.create(terms, { expect: [502, 'clink_rejected'] });
        return terms;
    };
    const secondAttempt = async () => {
        const { terms } = await darkened(stack);
        const { json } = await stack.api.create(terms);
        await stack.twin.pay(json.sessionId);
        await stack.api.refresh(json.sessionId);
        return json;
    };
    const manyFailures = async () => {
        const session = await released(stack);
        for (let i = 0; i < 55; i++) await stack.twin.act(session.sessionId, 'fail');
        await stack.twin.pay(session.sessionId);
        await stack.api.refresh(session.sessionId);
        return session;
    };
    const subscription = async () => {
        const session = await released(stack, { productId: 'prd_1', priceId: 'price_1', priceDataList: undefined });
        await stack.twin.pay(session.sessionId, { recurring: true });
        await stack.api.refresh(session.sessionId);
        await stack.twin.act(session.sessionId, 'renew');
        await eventually('the renewal is known', async () => {
            const { json } = await stack.finance.order(session.merchantOrderId);
            return json.payments.length === 2;
        }, patience);
        return session;
    };
    const cancelled = async () => {
        const session = await released(stack);
        await stack.api.cancel(session.merchantOrderId);
        return session;
    };
    const made = await fewAtATime([
        pay('49.90', 'USD'), pay('0.10', 'USD'), pay('0.20', 'USD'), pay('12.34', 'EUR'), pay('500', 'JPY'), pay('1.250', 'KWD'),
        pay('999999999.99', 'USD'), pay('9.99', 'USD', { paymentCurrency: 'BRL', amountTotal: '53.26' }),
        pay('9.99', 'USD', { paymentCurrency: 'BRL', amountTotal: '53.2571' }),
        pay('49.90', 'USD', {}, { merchantOrderId: `ÖRD 1/2?a=b&c+d%20#${Date.now()}` }),
        () => refunded(stack, {}), () => refunded(stack, { originalAmount: '80', originalCurrency: 'EUR' }, '10.01'),
        () => released(stack), () => expired(stack), superseded, refused, secondAttempt, manyFailures, subscription, cancelled,
    ]);
    return made.map(({ merchantOrderId }) => merchantOrderId);
}

/** What is done to Clink behind the service's back, after everything is known and as it should be. */
const damages = [
    {
        name: 'nothing', build: (stack) => sold(stack),
        expect: { state: 'paid', kinds: [], matched: [['USD', '49.90']] },
    },
    {
        name: 'nothing, of a currency without decimals', build: (stack) => sold(stack, { originalAmount: '500', originalCurrency: 'JPY' }),
        expect: { state: 'paid', kinds: [], matched: [['JPY', '500']] },
    },
    {
        name: 'nothing, of a currency with three', build: (stack) => sold(stack, { originalAmount: '1.250', originalCurrency: 'KWD' }),
        expect: { state: 'paid', kinds: [], matched: [['KWD', '1.250']] },
    },
    {
        name: 'a payment elsewhere, of a paid order', build: (stack) => sold(stack),
        async damage({ twin }, { merchantOrderId }) {
            return paidAt(twin, await madeElsewhere(twin, merchantOrderId));
        },
        expect: { state: 'paid', kinds: [], matched: [['USD', '49.90']], unknown: [['USD', '10.00']] },
    },
    {
        name: 'a payment elsewhere, of an unpaid order and behind a page of failures', build: (stack) => released(stack),
        async damage({ twin }, { merchantOrderId }) {
            const found = await paidAt(twin, await madeElsewhere(twin, merchantOrderId));
            const failing = await madeElsewhere(twin, merchantOrderId);
            for (let i = 0; i < 55; i++) await twin.act(failing, 'fail');
            return found;
        },
        expect: { state: 'unpaid', kinds: [], unknown: [['USD', '10.00']] },
    },
    {
        name: 'a payment on a dark session', build: darkened,
        damage: async ({ twin }, { sessionId }) => void (await twin.pay(sessionId)),
        expect: { state: 'paid', kinds: ['paid_on_dark_session'], matched: [['USD', '49.90']], evidence: 'reconcile' },
    },
    {
        name: 'a payment elsewhere that only the dark attempt can be', build: darkened,
        async damage({ twin }, { merchantOrderId }) {
            await twin.pay(await madeElsewhere(twin, merchantOrderId, 49.9));
        },
        expect: { state: 'paid', kinds: ['paid_on_dark_session'], matched: [['USD', '49.90']], evidence: 'reconcile' },
    },
    {
        name: 'another amount, of session and order', build: (stack) => sold(stack),
        async damage({ twin }, { sessionId, clinkOrderId }) {
            await twin.act(sessionId, 'override', { amountTotal: 39.9 });
            await twin.control('POST', `orders/${clinkOrderId}/override`, { amountTotal: 39.9 });
        },
        expect: { state: 'paid', kinds: ['amount_mismatch'], differing: ['USD'] },
    },
    {
        name: 'another amount, of the order alone', build: (stack) => sold(stack, { originalAmount: '20', originalCurrency: 'EUR' }),
        damage: async ({ twin }, { clinkOrderId }) =>
            void (await twin.control('POST', `orders/${clinkOrderId}/override`, { amountTotal: 25 })),
        expect: { state: 'paid', kinds: ['amount_mismatch'], differing: ['EUR'] },
    },
    {
        name: 'a payment that nobody told of', build: (stack) => released(stack),
        damage: async ({ twin }, { sessionId }) => void (await twin.pay(sessionId)),
        expect: { state: 'paid', kinds: [], matched: [['USD', '49.90']], evidence: 'reconcile' },
    },
    {
        name: 'a refund of a part', build: (stack) => sold(stack),
        damage: async ({ twin }, { sessionId }) => void (await twin.act(sessionId, 'refund', { refundAmount: '10' })),
        expect: { state: 'partially_refunded', kinds: ['refund_unrecorded'], matched: [['USD', '49.90']], refunds: ['USD'] },
    },
    {
        name: 'a refund of everything', build: (stack) => sold(stack, { originalAmount: '12.34', originalCurrency: 'EUR' }),
        damage: async ({ twin }, { sessionId }) => void (await twin.act(sessionId, 'refund')),
        expect: { state: 'refunded', kinds: ['refund_unrecorded'], matched: [['EUR', '12.34']], refunds: ['EUR'] },
    },
    {
        name: 'a refund of the rest', build: (stack) => refunded(stack, {}, '10'),
        damage: async ({ twin }, { sessionId }) => void (await twin.act(sessionId, 'refund')),
        expect: { state: 'refunded', kinds: ['refund_unrecorded'], matched: [['USD', '49.90']], refunds: ['USD'] },
    },
    {
        name: 'a renewal that nobody told of',
        async build(stack) {
            const session = await released(stack, { productId: 'prd_1', priceId: 'price_1', priceDataList: undefined });
            await stack.twin.pay(session.sessionId, { recurring: true });
            await stack.api.refresh(session.sessionId);
            return session;
        },
        damage: async ({ twin }, { sessionId }) => void (await twin.act(sessionId, 'renew')),
        expect: { state: 'paid', kinds: [], matched: [['USD', '49.90'], ['USD', '49.90']] },
    },
    {
        name: 'a payment that was under way',
        async build(stack) {
            const session = await released(stack);
            await stack.twin.act(session.sessionId, 'process');
            await stack.api.refresh(session.sessionId);
            return session;
        },
        damage: async ({ twin }, { sessionId }) => void (await twin.act(sessionId, 'settle')),
        expect: { state: 'paid', kinds: [], matched: [['USD', '49.90']], evidence: 'reconcile' },
    },
    {
        name: 'another currency', build: (stack) => sold(stack),
        async damage({ twin }, { sessionId, clinkOrderId }) {
            await twin.act(sessionId, 'override', { paymentCurrency: 'EUR' });
            await twin.control('POST', `orders/${clinkOrderId}/override`, { paymentCurrency: 'EUR' });
        },
        expect: { state: 'paid', kinds: ['currency_mismatch'], differing: ['USD'] },
    },
    {
        name: 'a payment that is none any more', build: (stack) => sold(stack),
        async damage({ twin }, { sessionId, clinkOrderId }) {
            await twin.act(sessionId, 'override', { status: 'expired', paymentStatus: 'unpaid', orderId: null, amountTotal: null });
            await twin.control('POST', `orders/${clinkOrderId}/override`, { status: 'failed' });
        },
        expect: { state: 'paid', kinds: ['missing_at_clink'], differing: ['USD'] },
    },
    {
        name: 'another reference', build: (stack) => sold(stack),
        damage: async ({ twin }, { clinkOrderId }) =>
            void (await twin.control('POST', `orders/${clinkOrderId}/override`, { merchantReferenceId: 'somebody-else' })),
        expect: { state: 'paid', kinds: ['reference_mismatch'], differing: ['USD'] },
    },
    {
        name: 'another session', build: (stack) => sold(stack),
        damage: async ({ twin }, { clinkOrderId }) =>
            void (await twin.control('POST', `orders/${clinkOrderId}/override`, { sessionId: 'sess_of_somebody_else' })),
        expect: { state: 'paid', kinds: ['reference_mismatch'], differing: ['USD'] },
    },
    {
        name: 'a session that names an order that there is not', build: (stack) => sold(stack),
        damage: async ({ twin }, { sessionId }) => void (await twin.act(sessionId, 'override', { orderId: 'order_of_nobody' })),
        expect: { state: 'paid', kinds: [], matched: [['USD', '49.90']] },
    },
    {
        name: 'a session gone', build: (stack) => released(stack),
        damage: async ({ twin }, { sessionId }) => void (await forget(twin, 'sessions', sessionId)),
        expect: { state: 'unpaid', kinds: ['missing_at_clink'] },
    },
    {
        name: 'an order gone', build: (stack) => sold(stack),
        damage: async ({ twin }, { clinkOrderId }) => void (await forget(twin, 'orders', clinkOrderId)),
        expect: { state: 'paid', kinds: ['missing_at_clink'], missing: [['USD', '49.90']] },
    },
    {
        name: 'a paid session gone, its order not', build: (stack) => sold(stack, { originalAmount: '30', originalCurrency: 'EUR' }),
        damage: async ({ twin }, { sessionId }) => void (await forget(twin, 'sessions', sessionId)),
        expect: { state: 'paid', kinds: ['missing_at_clink'], matched: [['EUR', '30.00']] },
    },
    {
        name: 'session and order gone', build: (stack) => sold(stack, { originalAmount: '700', originalCurrency: 'JPY' }),
        async damage({ twin }, { sessionId, clinkOrderId }) {
            await forget(twin, 'sessions', sessionId);
            await forget(twin, 'orders', clinkOrderId);
        },
        expect: { state: 'paid', kinds: ['missing_at_clink'], missing: [['JPY', '700']] },
    },
    {
        name: 'the superseded session paid, and the current one',
        async build(stack) {
            const terms = stack.order();
            const { json: first } = await stack.api.create(terms);
            const other = { ...terms, successUrl: stack.storefront.url('/other'), supersede: true };
            const { json: second } = await stack.api.create(other);
            return { ...second, first: first.sessionId };
        },
        async damage({ twin }, { sessionId, first }) {
            await twin.pay(first);
            await twin.pay(sessionId);
        },
        expect: {
            state: 'overpaid', kinds: ['duplicate_payment', 'paid_on_superseded'], doubled: [['USD', '49.90'], ['USD', '49.90']],
            evidence: 'reconcile',
        },
    },
    {
        name: 'a payment after expiry', build: expired,
        damage: async ({ twin }, { sessionId }) => void (await twin.act(sessionId, 'pay-after-expiry')),
        expect: { state: 'paid', kinds: ['paid_after_expiry'], matched: [['USD', '49.90']], evidence: 'reconcile' },
    },
    {
        name: 'a payment after cancellation',
        async build(stack) {
            const session = await released(stack);
            await stack.api.cancel(session.merchantOrderId);
            return session;
        },
        damage: async ({ twin }, { sessionId }) => void (await twin.pay(sessionId)),
        expect: { state: 'paid', kinds: ['paid_after_cancel'], matched: [['USD', '49.90']], evidence: 'reconcile' },
    },
];

/** What the functions give, four of them at work at any time. */
async function fewAtATime(works) {
    const given = [];
    const next = works.entries();
    const hand = async () => {
        for (const [index, work] of next) given[index] = await work();
    };
    await Promise.all([hand(), hand(), hand(), hand()]);
    return given;
}

/** Settings of a service until it is `still`: all webhooks are handled, and no session is asked about on its own. */
export const restless = { SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '3600', DATABASE_POOL_SIZE: '8' };

/** Builds every order, and `more` to which nothing is done, then damages Clink with webhooks dropped. `stack` is restless. */
export async function damagedWorld(stack, more = 0) {
    const all = [...damages, ...Array.from({ length: more }, () => damages[0])];
    // Of payments every service is told as it is asked, so that each has the same events.
    await stack.webhooks({ drop: ['order.created', 'order.succeeded', 'order.failed', 'session.complete', 'session.expired'] });
    const built = await fewAtATime(all.map(({ build }) => () => build(stack)));
    await still(stack);
    await stack.webhooks({ drop: ['*'] });
    const cases = [];
    for (const [index, { name, damage, expect }] of all.entries()) {
        const orphan = await damage?.(stack, built[index]);
        cases.push({ name, orphan, ...built[index], ...expect });
    }
    return cases;
}

const rowsOf = (cases, member) => cases.flatMap((each) => each[member] ?? []);

/** What the certificate about the damaged world has to say; payments of an order that was paid twice apart. */
export function expectedCertificate(cases) {
    const counts = (currencies) => summed(currencies.map((currency) => [currency, '0'])).map(({ currency, count }) => ({ currency, count }));
    return {
        matched: summed(rowsOf(cases, 'matched')),
        doubled: summed(rowsOf(cases, 'doubled')),
        unknown: summed(rowsOf(cases, 'unknown')),
        missing: summed(rowsOf(cases, 'missing')),
        differing: counts(rowsOf(cases, 'differing')),
        refunds: counts(rowsOf(cases, 'refunds')),
    };
}
