// The exports at the command line: what the HTTP streams give, byte for byte, for a CronJob that has a database and nothing else.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { cleanWorld, restless, sold, still } from './support/census.js';
import { allOfIt, ended, moment, runCommand, startCommand } from './support/command.js';
import { patient } from './support/database.js';
import { checkoutBinary, eventually, freePort } from './support/environment.js';
import { exchange } from './support/http.js';
import { ChildProcess } from './support/process.js';
import { Stack } from './support/stack.js';

const types = { csv: 'text/csv', ndjson: 'application/x-ndjson' };
const streams = ['payments', 'sessions', 'refunds'];
const range = allOfIt();

let stack;
let half;
let settings;
before(async () => {
    stack = await Stack.start('export-command', { env: restless, webhooks: {} });
    await sold(stack, { merchantOrderId: '=2+5, "quoted"; ÖRD' });
    await cleanWorld(stack);
    half = ['--from', range[1], '--to', await moment()];
    await Promise.all([sold(stack), sold(stack)]);
    await still(stack);
    settings = { DATABASE_URL: patient(stack.database.serverUrl) };
});
after(() => stack?.close());

const exported = (kind, args, env = settings) => runCommand(['export', kind, ...args], env);

async function streamed(kind, [, from, , to], format) {
    const path = `/v1/reconciliation/${kind}?${new URLSearchParams({ from, to })}`;
    const headers = { accept: types[format], authorization: `Bearer ${stack.service.tokens.finance}` };
    const { status, text } = await exchange(stack.service.base, { path, headers });
    assert.equal(status, 200, text);
    return text;
}

const ndjson = (text) => text.split('\n').filter(Boolean).map((line) => JSON.parse(line));

describe('an export', () => {
    for (const kind of streams)
        for (const format of Object.keys(types))
            test(`of ${kind} as ${format} is what the API streams`, async () => {
                for (const part of [range, half]) {
                    const expected = await streamed(kind, part, format);
                    const { code, stdout, stderr } = await exported(kind, [...part, '--format', format]);
                    assert.equal(code, 0, stderr);
                    assert.equal(stdout, expected);
                }
                assert.notEqual(await streamed('payments', half, format), await streamed('payments', range, format));
            });

    test('is CSV where nothing else is said', async () => {
        for (const kind of streams) assert.equal((await exported(kind, range)).stdout, await streamed(kind, range, 'csv'));
    });

    test('tells of rows and totals beside it', async () => {
        const { stdout, stderr } = await exported('payments', [...range, '--format', 'ndjson']);
        const rows = ndjson(stdout);
        assert.ok(rows.length > 10);
        assert.match(stderr, new RegExp(`\\b${rows.length}\\b`));
        const yen = rows.filter(({ paymentCurrency }) => paymentCurrency === 'JPY').reduce((sum, each) => sum + Number(each.amountTotal), 0);
        assert.ok(yen > 0 && stderr.includes('JPY'));
        assert.match(stderr, new RegExp(`\\b${yen}\\b`));
    });

    test('of a time in which nothing was has no row', async () => {
        const never = ['--from', '2020-01-01', '--to', '2020-01-02'];
        for (const kind of [...streams, 'events']) {
            const csv = await exported(kind, never);
            assert.equal(csv.code, 0);
            assert.match(csv.stdout, /^[A-Za-z,]+\r\n$/);
            const lines = await exported(kind, [...never, '--format', 'ndjson']);
            assert.deepEqual([lines.code, lines.stdout], [0, '']);
        }
    });

    test('takes instants, and leaves out what is at the end', async () => {
        const [{ recordedAt }] = ndjson(await streamed('payments', range, 'ndjson')).slice(-1);
        const upTo = ndjson((await exported('payments', ['--from', range[1], '--to', recordedAt, '--format', 'ndjson'])).stdout);
        assert.ok(upTo.length > 0 && upTo.every((each) => Date.parse(each.recordedAt) <= Date.parse(recordedAt)));
    });
});

describe('an export of events', () => {
    /** The feed of the API from its beginning. */
    async function feed() {
        const items = [];
        let after = 0;
        for (;;) {
            const { json } = await stack.finance.call('readReconciliationEvents', { query: { after: String(after), limit: '1000' }, expect: 200 });
            items.push(...json.items);
            if (json.items.length === 0) return items;
            after = items.at(-1).feedNo;
        }
    }
    /** The service numbers events within a second of their commit. */
    const numbered = async () => {
        const [{ waiting }] = await stack.database.query(`
            select (select count(*) from checkout.events) - (select count(*) from reconciliation.events) as waiting`);
        return waiting === '0';
    };

    test('is the feed, row by row and in its order', async () => {
        await eventually('every event has its number', numbered, 30);
        const expected = await feed();
        assert.ok(expected.length > 50);
        const { code, stdout } = await exported('events', [...range, '--format', 'ndjson']);
        assert.equal(code, 0);
        assert.deepEqual(ndjson(stdout), expected);
        assert.deepEqual(expected.map(({ feedNo }) => feedNo), expected.map((_, index) => index + 1));

        const part = ndjson((await exported('events', [...half, '--format', 'ndjson'])).stdout);
        const until = Date.parse(half[3]);
        assert.deepEqual(part, expected.filter(({ at }) => Date.parse(at) < until));
        assert.ok(part.length < expected.length);
    });

    test('is as many rows of CSV, with the names of the feed', async () => {
        const expected = await feed();
        const { code, stdout } = await exported('events', [...range, '--format', 'csv']);
        assert.equal(code, 0);
        const [header, ...rows] = stdout.split('\r\n');
        assert.equal(header, Object.keys(expected[0]).join(','));
        assert.equal(rows.pop(), '');
        assert.equal(rows.length, expected.length);
        for (const [index, row] of rows.entries()) assert.ok(row.startsWith(`${expected[index].feedNo},${expected[index].eventId},`), row);
    });
});

describe('the command', () => {
    test('needs a database and nothing else', async () => {
        const expected = (await exported('payments', range)).stdout;
        const url = settings.DATABASE_URL;
        for (const env of [{ DATABASE_URL: url }, { DATABASE_READ_URL: url }]) {
            const { code, stdout, stderr } = await exported('payments', range, env);
            assert.equal(code, 0, stderr);
            assert.equal(stdout, expected);
        }
        const { code, stdout, stderr } = await exported('payments', range, {});
        assert.deepEqual([code, stdout], [2, '']);
        assert.match(stderr, /DATABASE_URL/);
    });

    test('reads from the database that is for reading', async () => {
        const away = `postgresql://nobody@127.0.0.1:${await freePort()}/none`;
        const { code, stdout } = await exported('payments', range, { DATABASE_URL: away, DATABASE_READ_URL: settings.DATABASE_URL });
        assert.equal(code, 0);
        assert.equal(stdout, await streamed('payments', range, 'csv'));
    });

    const wrong = {
        'without a kind': [...range],
        'of something unknown': ['customers', ...range],
        'of two things': ['payments', 'sessions', ...range],
        'without a range': ['payments'],
        'without an end': ['payments', ...range.slice(0, 2)],
        'with a time that is none': ['payments', '--from', '2026-13-01', '--to', '2027-01-01'],
        'with a range that ends before it begins': ['payments', '--from', '2026-01-02', '--to', '2026-01-01'],
        'in an unknown format': ['payments', ...range, '--format', 'xlsx'],
        'with an unknown option': ['payments', ...range, '--cursor', 'x'],
        'with an option without a value': ['payments', ...range, '--format'],
    };
    for (const [name, args] of Object.entries(wrong))
        test(`${name} is wrong usage`, async () => {
            const { code, stdout, stderr } = await runCommand(['export', ...args], settings);
            assert.deepEqual([code, stdout], [2, ''], stderr);
            assert.match(stderr, /\w+ \w+/);
        });

    test('says what it takes', async () => {
        const { code, stdout } = await runCommand(['export', '--help'], {});
        assert.equal(code, 0);
        for (const name of ['payments', 'sessions', 'events', 'refunds', '--from', '--to', '--format', 'csv', 'ndjson'])
            assert.ok(stdout.includes(name), name);
    });

    test('ends with 1 when its reader goes away', async () => {
        const child = startCommand(['export', 'events', ...range], settings);
        child.child.stdout.destroy();
        const { code, signal, stderr } = await ended(child);
        assert.deepEqual([code, signal], [1, null], stderr);
    });

    test('ends with 1 when what it writes to is full', async () => {
        const script = 'exec "$0" export payments "$@" > /dev/full';
        const child = new ChildProcess('command-export', '/bin/sh', ['-c', script, checkoutBinary, ...range], settings);
        const { code, signal, stderr } = await ended(child);
        assert.deepEqual([code, signal], [1, null], stderr);
        assert.match(stderr, /\w+ \w+/);
    });

    test('ends with 1 and a sentence when the database is away', async () => {
        const env = { DATABASE_URL: `postgresql://nobody:hunter2@127.0.0.1:${await freePort()}/none` };
        const { code, signal, stdout, stderr } = await exported('payments', range, env);
        assert.deepEqual([code, signal, stdout], [1, null, ''], stderr);
        assert.match(stderr, /\w+ \w+/);
        assert.ok(!stderr.includes('hunter2'));
    });
});
