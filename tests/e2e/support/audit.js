// What holds for every record at every moment, whatever was done, lost or killed: asked of the database itself and of what
// Clink knows. Each question gives what breaks a promise; no row is a good answer.

const questions = {
    'two current sessions (P1)': `
        select merchant_order_id as what from checkout.sessions join checkout.orders using (order_id)
        where released_at is not null and superseded_at is null and ended_at is null
        group by merchant_order_id having count(*) > 1`,
    'two attempts being created (P1)': `
        select order_id::text as what from checkout.sessions where status = 'creating'
        group by order_id having count(*) > 1`,
    'payments that their order does not count': `
        select merchant_order_id as what from checkout.orders o where payment_count <> (
            select count(*) from checkout.payments p where p.order_id = o.order_id and p.kind = 'payment')`,
    'refunds that their order does not count': `
        select merchant_order_id as what from checkout.orders o where refund_count <> (
            select count(*) from checkout.refunds r where r.order_id = o.order_id)`,
    'a session that is paid without a payment, or the reverse': `
        select clink_session_id as what from checkout.sessions s where (payment_status = 'paid') <> exists (
            select from checkout.payments p where p.order_id = s.order_id and p.attempt_id = s.attempt_id and p.kind = 'payment')`,
    'a change without its event, or an event without its change (P6)': `
        with counted as (
            select order_id, 'attempt_created' as kind, count(*) as n from checkout.sessions group by 1
            union all select order_id, 'session_released', count(released_at) from checkout.sessions group by 1
            union all select order_id, 'session_superseded', count(superseded_at) from checkout.sessions group by 1
            union all select order_id, 'payment_recorded', count(*) from checkout.payments group by 1
            union all select order_id, 'refund_recorded', count(*) from checkout.refunds where order_id is not null group by 1
            union all select order_id, 'order_cancelled', count(cancelled_at) from checkout.orders group by 1
        ), told as (
            select order_id, kind, count(*) as n from checkout.events where kind in (
                'attempt_created', 'session_released', 'session_superseded', 'payment_recorded', 'refund_recorded',
                'order_cancelled') group by 1, 2
        )
        select o.merchant_order_id || ' ' || kind || ': ' || coalesce(c.n, 0) || ', events: ' || coalesce(t.n, 0) as what
        from counted c full join told t using (order_id, kind) join checkout.orders o using (order_id)
        where coalesce(c.n, 0) <> coalesce(t.n, 0)`,
    'a session whose events do not lead from one state to the next (P6), or back from paid (P5)': `
        with told as (
            select attempt_id, data->>'status' as status, data->>'paymentStatus' as payment,
                data->>'statusBefore' as status_before, data->>'paymentStatusBefore' as payment_before,
                lag(data->>'status') over told as last_status,
                coalesce(lag(data->>'paymentStatus') over told, 'unpaid') as last_payment
            from checkout.events where kind = 'session_changed' window told as (partition by attempt_id order by event_id)
        )
        select attempt_id::text as what from told where payment_before <> last_payment or status_before <> last_status
            or (payment_before = 'paid' and payment <> 'paid')`,
    'a session that is not what its last event says (P6)': `
        select s.attempt_id::text || ' ' || s.status || ' ' || s.payment_status as what from checkout.sessions s
            left join lateral (
                select data->>'status' as status, data->>'paymentStatus' as payment from checkout.events e
                where e.order_id = s.order_id and e.attempt_id = s.attempt_id and kind = 'session_changed'
                order by event_id desc limit 1
            ) last on true
        where s.payment_status <> coalesce(last.payment, 'unpaid') or s.status <> coalesce(last.status, s.status)`,
};

/** Sentences about broken promises, of the whole database; none is what is hoped for. */
export async function brokenPromises(database) {
    const found = [];
    for (const [promise, question] of Object.entries(questions))
        for (const { what } of await database.query(question)) found.push(`${promise}: ${what}`);
    return found;
}

/** Whether a customer could pay there now. */
const isPayable = ({ status, paymentStatus }) => status === 'open' && paymentStatus === 'unpaid';

/**
 * Orders of which more than one handle was handed out, is not superseded and is payable at Clink this moment.
 * `atClink` are sessions as the twin's control API gives them.
 */
export async function doublySold(database, atClink) {
    const rows = await database.query(`
        select clink_session_id from checkout.sessions where released_at is not null and superseded_at is null`);
    const released = new Set(rows.map((row) => row.clink_session_id));
    const counts = new Map();
    for (const each of atClink) {
        const { merchantReferenceId: reference } = each.session;
        if (isPayable(each) && released.has(each.sessionId)) counts.set(reference, (counts.get(reference) ?? 0) + 1);
    }
    return [...counts].filter(([, count]) => count > 1).map(([reference]) => reference);
}

const paidStatuses = new Set(['success', 'partial_refunded', 'partially_refunded', 'refunded']);

/** Ids of the orders of Clink's that were paid and are not on record exactly once. `atClink` as doublySold's, of its orders. */
export async function unknownPayments(database, atClink) {
    const rows = await database.query('select clink_order_id, count(*)::int as n from checkout.payments group by 1');
    const counts = new Map(rows.map((row) => [row.clink_order_id, row.n]));
    return atClink
        .map(({ order }) => order)
        .filter(({ status, orderId }) => paidStatuses.has(status) && counts.get(orderId) !== 1)
        .map(({ orderId }) => orderId);
}
