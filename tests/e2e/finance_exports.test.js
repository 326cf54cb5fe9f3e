// Finance's downloads: CSV and NDJSON of a world with every state in it, equal to the cent with the pages, the summary and the
// views; and streams that end too early, too slowly or not at all.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';

import { pointers } from './support/client.js';
import { eventually } from './support/environment.js';
import {
    asText, assertDigits, assertTrailers, comparable, csvItems, download, insertPaid, lists, ndjsonItems, page, parseCsv, plain, sortedBy,
    Stream, sum, summary, viewItems, whole,
} from './support/finance.js';
import { assertComplete, hardReason, oddIds, World } from './support/finance_world.js';
import { RawConnection } from './support/http.js';

const names = Object.keys(lists);
const formats = { 'text/csv': csvItems, 'application/x-ndjson': ndjsonItems };
const linesReason = 'first line\r\nsecond, "quoted"\nthird\ttab';

let world;
let stack;
let finance;
before(async () => {
    world = await World.start('finance-exports', { env: { DATABASE_POOL_SIZE: '4' } });
    ({ stack } = world);
    ({ finance } = stack);
    await world.build();
    await assertComplete(stack.database);
    // Texts that reach the record by no way of today, but which its columns may hold.
    await stack.database.query(`update checkout.refunds set reason = $1 where status = 'failed'`, [linesReason]);
    await stack.database.query(`update checkout.refunds set refund_merchant_order_id = '' where status = 'failed'`);
});
after(() => world?.close());

const csv = (what, query) => download(finance, what, { accept: 'text/csv', query, expect: 200 });
const ndjson = (what, query) => download(finance, what, { accept: 'application/x-ndjson', query, expect: 200 });

describe('CSV, NDJSON, pages, summary and views', () => {
    const filters = {
        payments: [{}, { currency: 'JPY' }, { verdict: 'exact' }, { axis: 'paymentTime' }, { to: '2001-01-01' }],
        sessions: [{}, { currency: 'KWD' }, { status: 'open' }, { paymentStatus: 'paid' }, { status: 'dark' }, { from: '2100-01-01' }],
        refunds: [{}, { currency: 'USD' }, { status: 'failed' }, { to: '2001-01-01' }],
    };
    for (const what of names)
        for (const query of filters[what])
            test(`are the same ${what}: ${JSON.stringify(query)}`, async () => {
                const items = await whole(finance, what, query, 7);
                const csvAnswer = await csv(what, query);
                assert.deepEqual(csvItems(what, csvAnswer.text), items.map(asText));
                const lines = await ndjson(what, query);
                assert.deepEqual(ndjsonItems(what, lines.text), items);
                for (const answer of [csvAnswer, lines]) assertTrailers(what, answer, items);
                const isEmpty = 'to' in query || 'from' in query;
                assert.equal(items.length === 0, isEmpty);
            });

    for (const what of names)
        test(`say of ${what} what the view says`, async () => {
            const rows = await viewItems(stack.database, what, sortedBy(what));
            assert.deepEqual(ndjsonItems(what, (await ndjson(what)).text).map(comparable), rows);
            assert.ok(rows.length > 10);
        });

    test('have the digits of their currencies, and all that Clink gave', async () => {
        const items = { payments: await whole(finance, 'payments'), sessions: await whole(finance, 'sessions'), refunds: await whole(finance, 'refunds') };
        for (const what of names)
            for (const item of items[what])
                for (const [member, currency] of Object.entries({ ...lists[what].totals, ...(what === 'payments' && { amountSubtotal: 'paymentCurrency' }) }))
                    if (item[member] !== null) assertDigits(item[member], item[currency], `${what} ${member}`);
        assert.ok(items.payments.some(({ amountTotal }) => amountTotal === '53.2612345'));
        for (const [currency, amount] of [['JPY', '500'], ['KWD', '1.250'], ['EUR', '20.01'], ['USD', '49.90']])
            assert.ok(items.payments.some(({ paymentCurrency, amountTotal }) => paymentCurrency === currency && amountTotal === amount));
    });

    /** The summary's rows, made from the lists. */
    async function expectedRows() {
        const rows = new Map();
        const add = (key, amounts) => {
            const text = JSON.stringify(key);
            if (!rows.has(text)) rows.set(text, []);
            rows.get(text).push(amounts);
        };
        for (const each of await whole(finance, 'sessions'))
            add(
                [each.createdAt.slice(0, 10), 'session', each.originalCurrency, each.originalCurrency, each.status, each.paymentStatus],
                [each.originalAmount, each.originalAmount, null],
            );
        for (const each of await whole(finance, 'payments'))
            add(
                [each.recordedAt.slice(0, 10), each.kind, each.paymentCurrency, each.originalCurrency, each.verdict, null],
                [each.amountTotal, each.originalAmount, each.refundedAmount],
            );
        for (const each of await whole(finance, 'refunds'))
            add([each.recordedAt.slice(0, 10), 'refund', each.refundCurrency, null, each.status, null], [each.refundAmount, null, null]);
        return [...rows].map(([key, group]) => [...JSON.parse(key), group.length, ...[0, 1, 2].map((i) => sum(group.map((each) => each[i])))]);
    }
    const sorted = (rows) => rows.map((row) => JSON.stringify(row)).sort();
    const asRow = (item) => [
        item.day, item.entry, item.currency, item.originalCurrency, item.state, item.paymentStatus, Number(item.count),
        plain(item.amount), plain(item.originalAmount), plain(item.refundedAmount),
    ];

    test('foot with the summary, row by row', async () => {
        const { json } = await summary(finance);
        const expected = await expectedRows();
        assert.deepEqual(sorted(json.items.map(asRow)), sorted(expected));
        assert.deepEqual(sorted((await viewItems(stack.database, 'daily_totals', ['day', 'entry'])).map(asRow)), sorted(expected));
        const days = json.items.map(({ day }) => day);
        assert.deepEqual(days, [...days].sort());
        for (const { currency, originalCurrency, amount, originalAmount, refundedAmount } of json.items) {
            if (amount !== null) assertDigits(amount, currency, 'amount');
            if (originalAmount !== null) assertDigits(originalAmount, originalCurrency, 'originalAmount');
            if (refundedAmount !== null) assertDigits(refundedAmount, currency, 'refundedAmount');
        }
        const unknown = json.items.find(({ state, entry }) => state === 'unknown' && entry === 'payment');
        assert.deepEqual([unknown.count, unknown.amount], [1, null]);
        assert.equal(new Set(json.items.map(({ entry }) => entry)).size, 4);
    });
});

describe('a CSV', () => {
    test('holds what needs quotes, and changes nothing', async () => {
        const { text } = await csv('sessions');
        const ids = new Set(csvItems('sessions', text).map(({ merchantOrderId }) => merchantOrderId));
        for (const id of oddIds) assert.ok(ids.has(id), id);
        for (const id of ['=1+1', '@SUM(A1)', '-1', 'NULL', '\\N']) assert.ok(text.includes(`,${id},${id}\r\n`), id);
        assert.ok(text.includes(',"a,b","a,b"\r\n'));
        assert.ok(text.includes(',"say ""hi""","say ""hi"""\r\n'));
        assert.ok(text.startsWith(`${lists.sessions.members.join(',')}\r\n`), 'no byte order mark');
        const reasons = csvItems('refunds', (await csv('refunds')).text).map(({ refundReason }) => refundReason);
        for (const each of [hardReason, linesReason]) assert.ok(reasons.includes(each), each);
    });

    test('tells nothing from an empty text', async () => {
        const rows = csvItems('refunds', (await csv('refunds')).text);
        const [empty, ...more] = rows.filter(({ refundMerchantOrderId }) => refundMerchantOrderId === '');
        assert.equal(empty.status, 'failed');
        assert.deepEqual(more, []);
        const ofNobody = rows.find(({ merchantOrderId }) => merchantOrderId === null);
        assert.deepEqual([ofNobody.paymentId, ofNobody.sessionId, ofNobody.merchantReferenceId], [null, null, null]);
    });

    test('has no order with a line break to hold', async () => {
        for (const merchantOrderId of ['a\nb', 'a\rb', 'a\r\nb'])
            await stack.api.create(stack.order({ merchantOrderId }), { expect: [422, 'validation_failed'] });
    });

    test('is judged by a strict reader', () => {
        assert.deepEqual(parseCsv('a,"b""c",\r\n"",,"d\r\ne"\r\n'), [['a', 'b"c', null], ['', null, 'd\r\ne']]);
        for (const wrong of ['a', 'a\n', 'a"b\r\n', '"a"b\r\n', '"a\r\n', 'a,b\r', 'a,']) assert.throws(() => parseCsv(wrong), wrong);
    });
});

describe('the answer', () => {
    test('has its headers', async () => {
        for (const what of names)
            for (const [accept, type, suffix] of [
                ['text/csv', 'text/csv; charset=utf-8; header=present', 'csv'], ['application/x-ndjson', 'application/x-ndjson', 'ndjson'],
            ]) {
                const { headers } = await download(finance, what, { accept, expect: 200 });
                assert.equal(headers['content-type'], type);
                assert.equal(headers['transfer-encoding'], 'chunked');
                assert.equal(headers['content-length'], undefined);
                assert.equal(headers.trailer, 'Row-Count, Totals');
                assert.equal(headers['content-disposition'], `attachment; filename="${what}.${suffix}"`);
                assert.ok(Math.abs(Date.parse(headers['as-of']) - Date.now()) < 60_000, headers['as-of']);
            }
    });

    const json = 'application/json';
    for (const [accept, given] of [
        [null, json], ['*/*', json], ['application/*', json], ['text/*', 'text/csv'], ['TEXT/CSV', 'text/csv'],
        ['text/csv;q=0.5, application/json', json], ['application/json;q=0.5, text/csv', 'text/csv'],
        ['application/x-ndjson, */*;q=0.1', 'application/x-ndjson'], ['text/csv; header=present', 'text/csv'],
        ['image/png, text/csv;q=0.001', 'text/csv'], ['text/csv;q=0, */*', json], ['application/json;q=0, */*;q=0.5', 'other'],
        ['image/png', 406], ['text/csv;q=0', 406], ['text/html, application/xml', 406],
    ])
        test(`to Accept: ${accept} is ${given}`, async () => {
            const answer = await download(finance, 'payments', { accept });
            if (given === 406) {
                assert.deepEqual([answer.status, answer.json.code], [406, 'not_acceptable']);
                return;
            }
            assert.equal(answer.status, 200, answer.text.slice(0, 500));
            const [type] = answer.headers['content-type'].split(';');
            if (given === 'other') assert.ok(type in formats, type);
            else assert.equal(type, given);
        });

    test('to a page of a stream is a refusal', async () => {
        const { json: first } = await page(finance, 'payments', { limit: '1' });
        for (const accept of Object.keys(formats))
            for (const [query, ...named] of [
                [{ limit: '10' }, '/limit'], [{ cursor: first.nextCursor }, '/cursor'], [{ limit: '10', cursor: 'x' }, '/cursor', '/limit'],
                [{ from: 'x', currency: 'usd', form: '1' }, '/currency', '/form', '/from'],
            ]) {
                const answer = await download(finance, 'payments', { accept, query });
                assert.deepEqual([answer.status, answer.json.code], [422, 'validation_failed']);
                assert.deepEqual(pointers(answer), named);
            }
    });

    test('is for finance', async () => {
        for (const [client, status] of [[stack.api, 403], [stack.api.as(stack.service.tokens.operator), 403], [finance.as('nobody'), 401]])
            for (const what of names) assert.equal((await download(client, what, {})).status, status);
    });

    test('leaves the connection to the next request', async () => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        const ports = new Set();
        for (const accept of ['text/csv', 'application/json', 'application/x-ndjson', 'text/csv'])
            for (const what of names) {
                const stream = await Stream.open(finance, what, { accept, agent });
                ports.add(stream.response.socket.localPort);
                assert.ok((await stream.rest()).whole);
            }
        agent.destroy();
        assert.equal(ports.size, 1);
    });

    test('to HEAD has the same head and no body', async () => {
        for (const accept of ['text/csv', 'application/x-ndjson', 'application/json']) {
            const stream = await Stream.open(finance, 'payments', { accept, method: 'HEAD' });
            const { status, text, headers } = await stream.rest();
            assert.deepEqual([status, text], [200, '']);
            const { headers: got } = await download(finance, 'payments', { accept, expect: 200 });
            assert.equal(headers['content-type'], got['content-type']);
            assert.equal(headers['content-disposition'], got['content-disposition']);
        }
    });

    for (const connection of ['close', 'keep-alive'])
        test(`to HTTP/1.0 (${connection}) is not in chunks and ends with the connection`, async () => {
            for (const accept of Object.keys(formats)) {
                const raw = await RawConnection.open(stack.service.base);
                const lines = [
                    'GET /v1/reconciliation/sessions HTTP/1.0', `Connection: ${connection}`, `Accept: ${accept}`,
                    `Authorization: Bearer ${finance.token}`, '', '',
                ];
                raw.send(lines.join('\r\n'));
                await raw.untilClosed();
                const received = raw.received.toString('utf8');
                const [head, body] = [received.slice(0, received.indexOf('\r\n\r\n')), received.slice(received.indexOf('\r\n\r\n') + 4)];
                assert.match(head, /^HTTP\/1\.[01] 200 /);
                assert.doesNotMatch(head, /^(transfer-encoding|trailer|content-length):/im);
                assert.equal(body, (await download(finance, 'sessions', { accept, expect: 200 })).text);
            }
        });
});

describe('a long stream', () => {
    const rows = 6000;
    const query = { to: '2026-02-01' };
    const accept = 'application/x-ndjson';
    const open = (client = finance) => Stream.open(client, 'payments', { accept, query });

    // Far more than the buffers of two sockets: who does not read holds up the service, and that the database.
    before(() => insertPaid(stack.database, rows, { prefix: 'bulk-', bulk: 2000 }));

    /** Backends of the service that have been in one transaction for a while. */
    const exporting = () =>
        stack.database.query(
            `select pid from pg_stat_activity where datname = current_database() and usename = $1
             and xact_start < clock_timestamp() - interval '0.4 seconds' order by pid`,
            [stack.database.server.role],
        );
    const untilExporting = (count) => eventually(`${count} exports are under way`, async () => (await exporting()).length === count, 60);

    /** A stream that is under way, its reader having stopped in the middle. */
    async function halfRead(client) {
        const stream = await open(client);
        assert.equal(stream.status, 200);
        await stream.take(100_000);
        return stream;
    }

    test('is whole for a reader who takes a break', async () => {
        const stream = await halfRead();
        await untilExporting(1);
        const answer = await stream.rest();
        const items = ndjsonItems('payments', answer.text);
        assert.equal(items.length, rows);
        assert.equal(new Set(items.map(({ paymentId }) => paymentId)).size, rows);
        assertTrailers('payments', answer, items);
        await untilExporting(0);
    });

    test('that breaks in the middle is seen to be broken', async () => {
        const stream = await halfRead();
        await untilExporting(1);
        const [{ pid }] = await exporting();
        await stack.database.query('select pg_terminate_backend($1)', [pid]);
        const answer = await stream.rest();
        assert.equal(answer.whole, false);
        assert.deepEqual(answer.trailers, {});
        const line = await eventually('the log tells of it', () => stack.service.process.logLines().find(
            ({ event, request_id: id }) => event === 'export_broken_off' && id === stream.headers['x-request-id']));
        assert.match(line.trace_id, /^[0-9a-f]{32}$/);
        assert.ok(line.detail, 'the log says why');
        const again = await (await open()).rest();
        assert.ok(again.whole && again.text.startsWith(answer.text.slice(0, answer.text.lastIndexOf('\n'))), 'what came was right');
        assert.equal(again.trailers['row-count'], String(rows));
    });

    test('frees its connection to the database when the client goes away', async () => {
        for (let round = 0; round < 2; round++) {
            const streams = [await halfRead(), await halfRead()];
            await untilExporting(2);
            for (const stream of streams) stream.abandon();
            await untilExporting(0);
        }
        await finance.payments({ limit: '1' });
    });

    test('is one of four at a time, and holds up nothing else', async () => {
        const streams = await Promise.all(Array.from({ length: 4 }, () => halfRead()));
        await untilExporting(4);
        for (const [what, format] of [['payments', accept], ['sessions', 'text/csv'], ['refunds', accept]]) {
            const { status, json, headers } = await download(finance, what, { accept: format });
            assert.deepEqual([status, json.code], [503, 'overloaded']);
            assert.match(headers['retry-after'], /^[1-9][0-9]*$/);
        }
        await page(finance, 'payments', { limit: '3' });
        await summary(finance, { from: '2026-02-01' });
        await stack.api.create(stack.order());
        streams.pop().abandon();
        await eventually('there is room for another', async () => {
            const { status, whole: isWhole } = await download(finance, 'refunds', { query: { from: '2026-02-01' } });
            return status === 200 && isWhole;
        }, 60);
        for (const stream of streams) stream.abandon();
        await untilExporting(0);
    });

    test('has its end when the process is told to stop', async () => {
        const service = await stack.serve('finance-exports-second', { env: { DATABASE_POOL_SIZE: '4' } });
        const stream = await halfRead(stack.clientOf(service).as(service.tokens.finance));
        const stopped = service.stop();
        await eventually('it takes no more requests', () => isClosed(service), 30);
        const answer = await stream.rest();
        assert.ok(answer.whole);
        assert.equal(answer.trailers['row-count'], String(rows));
        assert.equal((await stopped).code, 0);
    });

    /** Whether nobody listens there any more. */
    async function isClosed(service) {
        try {
            (await RawConnection.open(service.base)).close();
            return false;
        } catch (error) {
            assert.equal(error.code, 'ECONNREFUSED');
            return true;
        }
    }
});
