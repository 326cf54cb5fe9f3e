// Finance's side of the API: whole lists in pages, streams with their trailers, CSV by RFC 4180, and the arithmetic to hold one
// against the other.
import assert from 'node:assert/strict';
import http from 'node:http';

import { parsed } from './client.js';

/** The operations, and the members of an item in the order of the CSV's columns. */
export const lists = {
    payments: {
        id: 'listReconciliationPayments',
        members: [
            'recordedAt', 'paymentId', 'sessionId', 'clinkOrderId', 'attempt', 'kind', 'verdict', 'originalAmount', 'originalCurrency',
            'amountTotal', 'paymentCurrency', 'amountSubtotal', 'clinkOriginalCurrency', 'refundedAmount', 'paymentTime', 'evidence',
            'subscriptionId', 'invoiceId', 'merchantOrderId', 'merchantReferenceId',
        ],
        totals: { originalAmount: 'originalCurrency', amountTotal: 'paymentCurrency', refundedAmount: 'paymentCurrency' },
        key: 'paymentId',
        axis: 'recordedAt',
    },
    sessions: {
        id: 'listReconciliationSessions',
        members: [
            'createdAt', 'attemptId', 'sessionId', 'clinkOrderId', 'attempt', 'status', 'paymentStatus', 'originalAmount',
            'originalCurrency', 'amountTotal', 'paymentCurrency', 'verdict', 'uiMode', 'releasedAt', 'expireTime', 'supersededAt',
            'endedAt', 'settledBy', 'checkedAt', 'refusalCode', 'customerId', 'merchantOrderId', 'merchantReferenceId',
        ],
        totals: { originalAmount: 'originalCurrency', amountTotal: 'paymentCurrency' },
        key: 'attemptId',
        axis: 'createdAt',
    },
    refunds: {
        id: 'listReconciliationRefunds',
        members: [
            'recordedAt', 'recordNo', 'refundId', 'clinkOrderId', 'sessionId', 'paymentId', 'status', 'refundAmount', 'refundCurrency',
            'refundTime', 'updatedAt', 'evidence', 'failureCode', 'refundMerchantOrderId', 'merchantOrderId', 'merchantReferenceId',
            'refundReason',
        ],
        totals: { refundAmount: 'refundCurrency' },
        key: 'recordNo',
        axis: 'recordedAt',
    },
};

export const discrepancyOf = (client, id, body, options) =>
    client.call('resolveDiscrepancy', { params: { id }, body, expect: 200, ...options });
export const feed = (client, query, options) => client.call('readReconciliationEvents', { query, expect: 200, ...options });
export const summary = (client, query, options) => client.call('getReconciliationSummary', { query, expect: 200, ...options });

/** One page, with the order of an item's members. */
export async function page(client, what, query, options) {
    const answer = await client.call(lists[what].id, { query, expect: 200, ...options });
    for (const item of answer.json.items ?? []) assert.deepEqual(Object.keys(item), lists[what].members);
    return answer;
}

/** All items, in pages of `limit`. */
export async function whole(client, what, query = {}, limit = 1000) {
    const items = [];
    let cursor = null;
    do {
        const { json } = await page(client, what, { ...query, limit: String(limit), ...(cursor && { cursor }) });
        assert.ok(json.items.length <= limit);
        assert.ok(json.nextCursor === null || json.items.length === limit, 'only the last page is shorter');
        items.push(...json.items);
        cursor = json.nextCursor;
    } while (cursor !== null);
    return items;
}

/** A download whose reader decides the pace: what it does not take stays with the service. */
export class Stream {
    /** Awaits the head of the answer. `agent` keeps the connection. */
    static async open(client, what, { query = {}, accept = 'text/csv', agent = false, method = 'GET', headers = {} } = {}) {
        const stream = new Stream();
        stream.client = client;
        stream.id = lists[what]?.id ?? what;
        const { path } = client.contract.operation(stream.id);
        const search = new URLSearchParams(query).toString();
        const sent = { ...(accept && { accept }), authorization: `Bearer ${client.token}`, ...headers };
        stream.response = await new Promise((done, failed) => {
            const request = http.request(client.service.base + path + (search && `?${search}`), { agent, method, headers: sent }, done);
            request.on('error', failed).end();
        });
        stream.response.on('error', (error) => (stream.error = error));
        stream.chunks = stream.response[Symbol.asyncIterator]();
        stream.taken = [];
        return stream;
    }

    get status() {
        return this.response.statusCode;
    }

    get headers() {
        return this.response.headers;
    }

    /** Takes at least so many bytes, fewer if there are no more; then no more is taken from the connection. */
    async take(bytes) {
        let left = bytes;
        while (left > 0) {
            const { value, done } = await this.chunks.next();
            if (done) return;
            this.taken.push(value);
            left -= value.length;
        }
    }

    /** Takes the rest: `{status, headers, text, trailers, whole}`; `whole` is false when the connection ended before the answer. */
    async rest() {
        try {
            await this.take(Infinity);
        } catch (error) {
            this.error = error;
        }
        const { status, headers } = this;
        const text = Buffer.concat(this.taken).toString('utf8');
        return parsed({ status, headers, text, trailers: this.response.trailers, whole: this.response.complete && !this.error });
    }

    /** Goes away in the middle. */
    abandon() {
        this.response.destroy();
    }
}

/** A whole stream, held against openapi.yaml. With `expect` the status is asserted. */
export async function download(client, what, { expect, ...options } = {}) {
    const stream = await Stream.open(client, what, options);
    const answer = await stream.rest();
    client.contract.record(stream.id, answer.status);
    // An NDJSON stream of no rows has no bytes, which is a text all the same.
    client.contract.checkAnswer(stream.id, answer.status === 200 && answer.text === '' ? { ...answer, text: '\n' } : answer);
    if (expect !== undefined) assert.equal(answer.status, expect, answer.text.slice(0, 1000));
    return answer;
}

/** RFC 4180, strictly: rows of cells, null for a field that is empty and not quoted. Throws on what the RFC does not have. */
export function parseCsv(text) {
    const rows = [];
    let row = [];
    let at = 0;
    while (at < text.length) {
        let cell;
        if (text[at] === '"') {
            cell = '';
            for (at++; ; at++) {
                if (at >= text.length) throw new Error('a quoted field without its end');
                if (text[at] !== '"') cell += text[at];
                else if (text[at + 1] === '"') cell += text[++at];
                else break;
            }
            at++;
        } else {
            const [plain] = /^[^",\r\n]*/.exec(text.slice(at, at + 100_000));
            cell = plain === '' ? null : plain;
            at += plain.length;
        }
        row.push(cell);
        if (text[at] === ',') {
            at++;
            if (at === text.length) throw new Error('the last row has no end');
        } else if (text.startsWith('\r\n', at)) {
            at += 2;
            rows.push(row);
            row = [];
        } else throw new Error(`after a field: ${JSON.stringify(text.slice(at, at + 10))}`);
    }
    if (row.length > 0) throw new Error('the last row has no end');
    return rows;
}

/** Rows of a CSV as objects of text and null; the header row must be the list's members. */
export function csvItems(what, text) {
    const [header, ...rows] = parseCsv(text);
    assert.deepEqual(header, lists[what].members);
    return rows.map((row) => {
        assert.equal(row.length, header.length, JSON.stringify(row));
        return Object.fromEntries(header.map((name, i) => [name, row[i]]));
    });
}

/** Objects of an NDJSON stream; each line must end. */
export function ndjsonItems(what, text) {
    if (text === '') return [];
    assert.ok(text.endsWith('\n') && !text.includes('\r'));
    return text
        .slice(0, -1)
        .split('\n')
        .map((line) => {
            const item = JSON.parse(line);
            assert.deepEqual(Object.keys(item), lists[what].members);
            return item;
        });
}

/** An item as a CSV says it: everything is text or null. */
export const asText = (item) =>
    Object.fromEntries(Object.entries(item).map(([name, value]) => [name, value === null ? null : String(value)]));

/** Decimal text without zeros that say nothing. */
export const plain = (decimal) => (decimal?.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal);

/** The exact sum of decimal texts, plain; null of none. */
export function sum(decimals) {
    const known = decimals.filter((each) => each !== null && each !== undefined);
    if (known.length === 0) return null;
    const digits = Math.max(...known.map((each) => (each.split('.')[1] ?? '').length));
    const scaled = known.reduce((total, each) => {
        const [whole, fraction = ''] = each.split('.');
        return total + BigInt(whole + fraction.padEnd(digits, '0'));
    }, 0n);
    const text = String(scaled).padStart(digits + 1, '0');
    return plain(digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`);
}

/** What the trailer `Totals` says of such items, plain. */
export function totalsOf(what, items) {
    const totals = {};
    for (const [member, currencyMember] of Object.entries(lists[what].totals)) {
        const known = new Map();
        for (const { [member]: amount, [currencyMember]: currency } of items)
            if (amount !== null && currency !== null) known.set(currency, known.get(currency) ?? []).get(currency).push(amount);
        totals[member] = Object.fromEntries([...known].map(([currency, decimals]) => [currency, sum(decimals)]));
    }
    return totals;
}

const minorDigits = { USD: 2, EUR: 2, BRL: 2, JPY: 0, KWD: 3 };

/** Decimal text has at least the digits of its currency. */
export function assertDigits(amount, currency, about) {
    const digits = minorDigits[currency];
    assert.ok(digits !== undefined, `a currency that no test made: ${currency}`);
    assert.match(amount, digits === 0 ? /^(0|[1-9][0-9]*)(\.[0-9]+)?$/ : new RegExp(`^(0|[1-9][0-9]*)\\.[0-9]{${digits},}$`), about);
}

/** The trailers say what arrived. */
export function assertTrailers(what, { trailers, whole: isWhole }, items) {
    assert.ok(isWhole);
    assert.equal(trailers['row-count'], String(items.length));
    const told = JSON.parse(trailers.totals);
    assert.deepEqual(Object.keys(told), Object.keys(lists[what].totals));
    const bare = {};
    for (const [member, sums] of Object.entries(told)) {
        for (const [currency, amount] of Object.entries(sums)) assertDigits(amount, currency, `${member} of ${currency}`);
        bare[member] = Object.fromEntries(Object.entries(sums).map(([currency, amount]) => [currency, plain(amount)]));
    }
    assert.deepEqual(bare, totalsOf(what, items));
}

const camel = (column) => column.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
const snake = (member) => member.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A view's rows as the API gives them: members for columns, times to milliseconds, amounts plain. In the order of `sortedBy`. */
export async function viewItems(database, view, sortedBy, where = 'true') {
    const columns = await database.query(
        `select column_name as name, data_type as type from information_schema.columns
         where table_schema = 'reconciliation' and table_name = $1 order by ordinal_position`,
        [view],
    );
    const shown = columns.map(({ name, type }) => {
        if (type.startsWith('timestamp')) return `to_char(${name} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as ${name}`;
        return /^(numeric|bigint|uuid|date)$/.test(type) ? `${name}::text as ${name}` : name;
    });
    const amounts = new Set(columns.filter(({ type }) => type === 'numeric').map(({ name }) => name));
    const text = `select ${shown.join(', ')} from reconciliation.${view} v where ${where} order by ${sortedBy.map((each) => `v.${each}`)}`;
    const rows = await database.query(text);
    return rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [camel(name), amounts.has(name) ? plain(value) : value])),
    );
}

/** An item with its amounts plain and its times to milliseconds, to be held against a view's. */
export const comparable = (item) =>
    Object.fromEntries(
        Object.entries(item).map(([name, value]) => {
            if (value === null || typeof value !== 'string') return [name, value];
            if (/Amount$|^amount/.test(name)) return [name, plain(value)];
            return [name, /^\d{4}-\d\d-\d\dT.*Z$/.test(value) ? new Date(value).toISOString() : value];
        }),
    );

/** The order in which a list's rows come: its axis, then what tells two of the same moment apart. */
export const sortedBy = (what) => [snake(lists[what].axis), snake(lists[what].key)];

/**
 * Paid orders by SQL, all recorded at the same moment, each with a refund: what takes too long to make over HTTP. Ids are
 * `prefix` and a number; `bulk` is the length of a payment's `invoiceId`.
 */
export async function insertPaid(database, count, { prefix, bulk = 10, at = '2026-01-15T12:00:00Z', currency = 'USD' }) {
    await database.query(
        `with o as (
            insert into checkout.orders (merchant_order_id, state, payment_count, refund_count, created_at)
            select $2 || n, 'partially_refunded', 1, 1, $4::timestamptz from generate_series(1, $1::int) n
            returning order_id, merchant_order_id, created_at
        ), s as (
            insert into checkout.sessions (attempt_id, order_id, attempt, status, payment_status, original_amount, original_currency,
                ui_mode, terms, terms_fingerprint, clink_session_id, released_at, ended_at, settled_by, created_at, next_check_at)
            select gen_random_uuid(), order_id, 1, 'completed', 'paid', 10 + order_id % 90, $5, 'hostedPage', '{}', repeat('0', 64),
                'sess_' || md5(merchant_order_id), created_at, created_at, 'refresh', created_at, null
            from o
            returning attempt_id, order_id, original_amount, created_at
        ), p as (
            insert into checkout.payments (order_id, attempt_id, kind, clink_order_id, verdict, original_amount, original_currency,
                amount_total, payment_currency, refunded_amount, payment_time, evidence, invoice_id, recorded_at)
            select order_id, attempt_id, 'payment', 'order_' || md5(attempt_id::text), 'exact', original_amount, $5,
                original_amount, $5, 0.01, created_at, 'refresh', rpad('inv_', $3, 'x'), created_at
            from s
            returning payment_id, order_id, clink_order_id, recorded_at
        )
        insert into checkout.refunds (clink_refund_id, clink_order_id, order_id, payment_id, status, amount, currency, evidence,
            recorded_at, updated_at)
        select 'refund_' || md5(clink_order_id), clink_order_id, order_id, payment_id, 'success', 0.01, $5, 'webhook', recorded_at,
            recorded_at
        from p`,
        [count, prefix, bulk, at, currency],
    );
}
