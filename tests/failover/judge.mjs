// After it all: what the service acknowledged against the new primary's record, and the record against Clink.
import { brokenPromises, doublySold, unknownPayments } from '../e2e/support/audit.js';
import { eventually } from '../e2e/support/environment.js';

/** The sweeper's longest gap, a claim that died with its answer, and room for a busy machine. */
export const settleSeconds = 60;

/** Ids of the orders at Clink whose payment the sweeper has not found `settleSeconds` from now. */
export async function paymentsNeverFound({ database, twin }) {
    const unknown = async () => unknownPayments(database, await twin.control('GET', 'orders'));
    const none = async () => (await unknown()).length === 0;
    return (await eventually('every payment is known', none, settleSeconds).catch(() => false)) ? [] : unknown();
}

/** What was acknowledged and is not as it was said to be. */
export async function lossesOf({ database }, load) {
    const rows = await database.query(`
        select clink_session_id as id, merchant_order_id, url, ended_at is not null as ended, payment_status
        from checkout.sessions join checkout.orders using (order_id) where released_at is not null`);
    const kept = new Map(rows.map((row) => [row.id, row]));
    const isKept = ([id, { merchantOrderId, url }]) => {
        const row = kept.get(id);
        return row?.merchant_order_id === merchantOrderId && (row.url === url || (row.ended && row.url === null));
    };
    return {
        acknowledged: load.sessions.size,
        lost: [...load.sessions].filter((each) => !isKept(each)).map(([id]) => id),
        acknowledgedPayments: load.paid.size,
        lostPayments: [...load.paid.keys()].filter((id) => kept.get(id)?.payment_status !== 'paid'),
    };
}

/**
 * Sessions at Clink by what the record has of them: `released`, `dark` (its attempt never showed it to anybody), `unknown`: there
 * is not even an intent, which was committed before Clink was called.
 */
export async function standingAtClink({ database, twin }) {
    const rows = await database.query('select attempt_id, status, released_at is not null as released from checkout.sessions');
    const attempts = new Map(rows.map((row) => [row.attempt_id, row]));
    const standing = { released: 0, dark: 0, unknown: [] };
    for (const { sessionId, session } of await twin.control('GET', 'sessions')) {
        const attempt = attempts.get(session.metadata?.checkoutAttemptId);
        if (attempt?.released) standing.released++;
        else if (attempt) standing.dark++;
        else standing.unknown.push(sessionId);
    }
    return standing;
}

/** The feed has no gap and nothing twice, and what a reader was given while it all happened stands. */
export async function feedFaults({ database }, reader) {
    const [{ rows, events, waiting }] = await database.query(`
        select (select count(*)::int from checkout.events) as events, (select count(*)::int from checkout.feed_pending) as waiting,
            (select json_agg(json_build_array(feed_no, event_id) order by feed_no) from checkout.feed) as rows`);
    const faults = [];
    rows.forEach(([number], i) => number === i + 1 || faults.push(`feed number ${number} stands at ${i + 1}`));
    if (rows.length + waiting !== events) faults.push(`${events} events, ${rows.length} of them numbered, ${waiting} waiting`);
    reader.read.forEach(({ feedNo }, i) => feedNo === i + 1 || faults.push(`a reader was given number ${feedNo} as ${i + 1}`));
    const moved = reader.read.filter(({ feedNo, eventId }) => String(rows[feedNo - 1]?.[1]) !== eventId);
    return { faults: faults.slice(0, 5), moved: moved.length, read: reader.read.length };
}

/** Sentences on promises that hold whether or not the standby was synchronous. */
export async function brokenAnyway({ database, twin }) {
    const broken = await brokenPromises(database);
    for (const order of await doublySold(database, await twin.control('GET', 'sessions'))) broken.push(`two pages of ${order} can be paid`);
    return broken;
}

/** How many payments the sweeper found after the fault. */
export async function sweptSince({ database }, at) {
    const question = "select count(*)::int as n from checkout.payments where evidence = 'sweeper' and recorded_at > $1";
    return (await database.query(question, [new Date(at)]))[0].n;
}
