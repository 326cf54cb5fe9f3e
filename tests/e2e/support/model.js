// What an order must have come to, by the contract's section 2, computed from what Clink knows and nothing that the service
// keeps: a second reading of the rules, which knows no evidence, no sequence and no webhook.

const paidStatuses = new Set(['success', 'partial_refunded', 'partially_refunded', 'refunded']);
const same = (one, other) => Math.abs(Number(one) - Number(other)) < 1e-9;
/** One spelling for an amount, whether it came as a number or as text. */
export const amount = (value) => (value === null || value === undefined ? null : Number(value).toFixed(4));

function verdictOf(order, asked) {
    if (order.amountTotal === null || order.paymentCurrency === null) return 'unknown';
    if (order.paymentCurrency === asked.originalCurrency) {
        if (same(order.amountTotal, asked.originalAmount)) return 'exact';
        if (Number(order.amountTotal) < Number(asked.originalAmount)) return asked.allowPromotionCodes ? 'discounted' : 'short';
        return same(order.amountSubtotal, asked.originalAmount) ? 'surcharged' : 'over';
    }
    const items = order.priceDataList?.reduce((sum, { unitAmount, quantity }) => sum + Number(unitAmount) * (quantity ?? 1), 0);
    const priced = items ?? Number(order.amountSubtotal);
    if (order.originalCurrency !== asked.originalCurrency) return 'unknown';
    if (same(priced, asked.originalAmount)) return 'converted';
    return priced < Number(asked.originalAmount) ? 'short' : 'over';
}

function paymentOf({ order, refunds }, asked, heardRefunds) {
    const counted = refunds.filter(({ status, refundId }) => status === 'success' && heardRefunds.has(refundId));
    const refunded = counted.reduce((sum, { refundAmount }) => sum + Number(refundAmount), 0);
    return {
        clinkOrderId: order.orderId,
        sessionId: order.sessionId,
        verdict: verdictOf(order, asked),
        amountTotal: amount(order.amountTotal),
        paymentCurrency: order.paymentCurrency,
        refundedAmount: amount(refunded),
        isRefunded: order.status === 'refunded' || refunded >= Number(order.amountTotal) - 1e-9,
        isPartlyRefunded: refunded > 0 || order.status !== 'success',
    };
}

function stateOf(payments, sessions, isCancelled) {
    const kept = payments.filter(({ isRefunded }) => !isRefunded);
    if (kept.length >= 2) return 'overpaid';
    if (payments.some(({ verdict }) => verdict === 'short' || verdict === 'unknown')) return 'underpaid';
    if (kept.some(({ isPartlyRefunded }) => isPartlyRefunded)) return 'partially_refunded';
    if (kept.length === 1) return 'paid';
    if (payments.length > 0) return 'refunded';
    if (sessions.some(({ paymentStatus }) => paymentStatus === 'processing')) return 'processing';
    return isCancelled ? 'cancelled' : 'unpaid';
}

function discrepanciesOf({ state, payments, released, superseded, isCancelled }) {
    const kinds = new Set();
    if (state === 'overpaid') kinds.add('duplicate_payment');
    if (isCancelled && payments.length > 0) kinds.add('paid_after_cancel');
    for (const { sessionId, verdict } of payments) {
        if (verdict === 'short' || verdict === 'over') kinds.add('amount_mismatch');
        if (!released.has(sessionId)) kinds.add('paid_on_dark_session');
        if (superseded.has(sessionId)) kinds.add('paid_on_superseded');
    }
    return kinds;
}

/**
 * `sessions` and `orders` as the twin's control API gives them, all of one reference. `released` and `superseded` are sets of
 * session ids, `heardRefunds` of refund ids that any webhook named: Clink has no list to find others in.
 */
export function expectedOrder({ sessions, orders, released, superseded, isCancelled, heardRefunds }) {
    const paid = orders.filter(({ order }) => paidStatuses.has(order.status));
    const payments = paid.map((each) => {
        const { create_json: asked } = sessions.find(({ sessionId }) => sessionId === each.order.sessionId);
        return paymentOf(each, asked, heardRefunds);
    });
    const state = stateOf(payments, sessions, isCancelled);
    const attempts = sessions.map(({ sessionId, status, paymentStatus, create_json: asked }) => ({
        attemptId: asked.metadata.checkoutAttemptId,
        sessionId,
        isReleased: released.has(sessionId),
        status: released.has(sessionId) ? status : undefined,
        paymentStatus,
        // A session of an unreleased attempt is found by its orders alone.
        mayBeUnknown: !released.has(sessionId) && !orders.some(({ order }) => order.sessionId === sessionId),
    }));
    const discrepancies = discrepanciesOf({ state, payments, released, superseded, isCancelled });
    return { state, payments, attempts, discrepancies };
}
