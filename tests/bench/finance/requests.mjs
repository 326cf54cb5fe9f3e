// The requests that are measured, each with the keys of a world: the same question of the small and of the large one.
import http from 'node:http';

import { Random } from '../../e2e/support/random.js';

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

/** A GET by finance; `{status, json}`. Throws unless it is answered with 200. */
export function get(service, path) {
    const { hostname, port } = new URL(service.base);
    const headers = { authorization: `Bearer ${service.tokens.finance}`, accept: 'application/json' };
    return new Promise((done, failed) => {
        http.get({ agent, hostname, port, path, headers }, (response) => {
            const chunks = [];
            response.on('data', (chunk) => chunks.push(chunk)).on('error', failed);
            response.on('end', () => {
                const text = Buffer.concat(chunks).toString('utf8');
                if (response.statusCode === 200) done(JSON.parse(text));
                else failed(new Error(`${path}: ${response.statusCode} ${text.slice(0, 500)}`));
            });
        }).on('error', failed);
    });
}

/** Told and not judged: no index leads to the payments of a currency that hardly anybody uses. */
export const known = new Set(['payments, currency=CHF', 'sessions, currency=CHF']);

const query = (fields) => new URLSearchParams(fields).toString();
const page = (report, fields) => `/v1/reconciliation/${report}?${query({ limit: '100', ...fields })}`;

/** Walks all pages: the number of rows, and the cursors of the page in the middle and of the last one. */
export async function walk(service, report) {
    const cursors = [];
    let rows = 0;
    let cursor = null;
    do {
        const answer = await get(service, `/v1/reconciliation/${report}?${query({ limit: '1000', ...(cursor && { cursor }) })}`);
        rows += answer.items.length;
        cursor = answer.nextCursor;
        if (cursor) cursors.push(cursor);
    } while (cursor);
    return { rows, middle: cursors[Math.floor(cursors.length / 2)], last: cursors.at(-1) };
}

/** What a world is asked about. `at(part)` is an instant of its time, `walked` what walk() gave of its reports. */
async function keysOf(world, walked) {
    const [span] = await world.database.query('select min(recorded_at) as first, max(recorded_at) as last from checkout.payments');
    const [first, last] = [span.first.getTime(), span.last.getTime()];
    return {
        walked,
        at: (part) => new Date(first + (last - first) * part).toISOString(),
        day: () => ({ from: new Date(last - 2 * 86_400_000).toISOString(), to: new Date(last - 86_400_000).toISOString() }),
        lastFeedNo: Number(await world.value('select last_no from checkout.feed_head')),
        orders: world.orders,
        random: new Random(world.orders),
    };
}

/** Name to path, a new one for each call where the key is drawn. */
export async function requestsOf(world, walked) {
    const keys = await keysOf(world, walked);
    const order = (rest) => () => `/v1/orders/ORD-${1 + keys.random.below(keys.orders)}${rest}`;
    const fixed = (path) => () => path;
    const requests = {
        'order': order(''),
        'order, events': order('/events'),
        'order, explained': order('/explain'),
        'feed, start': fixed(page('events', { after: '0' })),
        'feed, middle': fixed(page('events', { after: String(Math.floor(keys.lastFeedNo / 2)) })),
        'feed, end': fixed(page('events', { after: String(keys.lastFeedNo - 50) })),
    };
    for (const [report, { middle, last }] of Object.entries(walked)) {
        requests[`${report}, first page`] = fixed(page(report, {}));
        if (middle) requests[`${report}, middle`] = fixed(page(report, { cursor: middle }));
        if (last) requests[`${report}, last page`] = fixed(page(report, { cursor: last }));
        if (report !== 'discrepancies') requests[`${report}, a day`] = fixed(page(report, keys.day()));
    }
    const filtered = {
        payments: [
            { currency: 'KWD' }, { currency: 'CHF' }, { verdict: 'short' }, { verdict: 'unknown', currency: 'KWD' },
            { axis: 'paymentTime' }, { axis: 'paymentTime', from: keys.at(0.5) }, { axis: 'paymentTime', verdict: 'short' },
        ],
        sessions: [
            { currency: 'KWD' }, { currency: 'CHF' }, { status: 'open' }, { status: 'dark' }, { status: 'creating' },
            { paymentStatus: 'processing' }, { status: 'expired', paymentStatus: 'unpaid' },
        ],
        refunds: [{ status: 'failed' }, { currency: 'KWD' }, { status: 'unknown' }],
        discrepancies: [{ state: 'open' }, { state: 'resolved' }, { kind: 'stuck_unknown' }, { state: 'open', kind: 'stuck_unknown' }],
    };
    for (const [report, filters] of Object.entries(filtered))
        for (const filter of filters) {
            const { from, ...named } = filter;
            const name = Object.entries(named).map(([field, value]) => `${field}=${value}`).join(' ');
            requests[`${report}, ${name}${from ? ' from the middle' : ''}`] = fixed(page(report, filter));
        }
    requests['summary of a day'] = fixed(`/v1/reconciliation/summary?${query(keys.day())}`);
    return requests;
}
