// The census: Clink is asked again about everything in a range, and a certificate says that both agree. What it finds when
// they do not is in reconcile_damage.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';

import { cleanWorld, paymentsAtClink, released, restless, sold, still } from './support/census.js';
import {
    allOfIt, callsByTarget, ended, lastCall, moment, reconcile, reconcileSettings, recordCounts, runCommand, startCommand,
    summed, timeless,
} from './support/command.js';
import { checkoutBinary, freePort } from './support/environment.js';
import { Stack } from './support/stack.js';

const range = allOfIt();
// For what Clink does not answer; not for the rest, which may be slow on a loaded machine.
const impatient = { CLINK_TIMEOUT_MS: '1000' };

// How Clink fails, about one order each; of some only when it is asked about the session.
const faults = [
    { fault: { fault: 'http_status', status: 503 } },
    { fault: { fault: 'http_status', status: 404, body: '<h1>404</h1>' } },
    { fault: { fault: 'business_error', code: 500, msg: 'busy' } },
    { fault: { fault: 'unauthorized_text' } },
    { fault: { fault: 'malformed' } },
    { fault: { fault: 'null_data' }, operation: 'get_session' },
    { fault: { fault: 'foreign_session' }, operation: 'get_session' },
];

let stack;
let ids;
let few;
let hurt;
before(async () => {
    stack = await Stack.start('reconcile', { env: restless, webhooks: {} });
    ids = await cleanWorld(stack);
    few = { from: await moment() };
    few.ids = (await Promise.all([sold(stack), sold(stack), sold(stack), released(stack)])).map(({ merchantOrderId }) => merchantOrderId);
    few.to = await moment();
    few.range = ['--from', few.from, '--to', few.to];
    hurt = { from: few.to, orders: await Promise.all([{}, ...faults].map(async (each) => ({ ...each, ...(await sold(stack)) }))) };
    hurt.range = ['--from', hurt.from, '--to', await moment()];
    ids.push(...few.ids, ...hurt.orders.map(({ merchantOrderId }) => merchantOrderId));
    await still(stack);
});
after(() => stack?.close());

describe('a census of a record that agrees with Clink', () => {
    let certificate;
    let firstCall;

    test('certifies every payment', async () => {
        const before = await recordCounts(stack.database);
        certificate = await reconcile(stack, range, { code: 0 });
        assert.deepEqual(certificate.matched, summed(await paymentsAtClink(stack.twin, ids)));
        for (const name of ['duplicates', 'unknown', 'missing', 'differing', 'refunds']) assert.deepEqual(certificate[name], [], name);
        assert.deepEqual([certificate.notAnswered, certificate.openDiscrepancies, certificate.all], [0, 0, false]);
        assert.equal(certificate.orders, ids.length);
        assert.ok(certificate.sessions >= certificate.orders - 1, `${certificate.sessions} sessions`);
        assert.ok(Date.parse(certificate.asOf) > Date.parse(hurt.range[3]) && Date.parse(certificate.asOf) <= Date.now());
        // Of a refund Clink's order had not been asked since: that it agrees is news, once.
        const { events, ...counts } = await recordCounts(stack.database);
        assert.deepEqual({ ...counts, events: before.events }, before);
        firstCall = await lastCall(stack.twin);
        await reconcile(stack, range, { code: 0 });
        assert.deepEqual(await recordCounts(stack.database), { ...counts, events });
    });

    test('asked about every session, and for every order\'s list', async () => {
        const asked = await callsByTarget(stack.twin, { after: firstCall });
        const targets = [...asked.keys()];
        for (const { sessionId, session } of await stack.twin.sessions('')) {
            const { merchantReferenceId: reference } = session;
            const list = targets.filter((target) => new URL(target, stack.twin.base).searchParams.get('merchantReferenceId') === reference);
            assert.ok(list.length > 0, `GET /order?merchantReferenceId=${reference}`);
            const isKnown = (await stack.finance.order(reference)).json.attempts.some((each) => each.sessionId === sessionId);
            if (isKnown) assert.equal(asked.get(`/api/checkout/session/${sessionId}`), 1, sessionId);
        }
    });

    test('foots with the payments export', async () => {
        const { DATABASE_URL } = reconcileSettings(stack);
        const { code, stdout } = await runCommand(['export', 'payments', ...range, '--format', 'ndjson'], { DATABASE_URL });
        assert.equal(code, 0);
        const rows = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
        assert.deepEqual(certificate.matched, summed(rows.map(({ paymentCurrency, amountTotal }) => [paymentCurrency, amountTotal])));
    });

    test('says the same and asks everything again the next time, and adds nothing', async () => {
        const before = await recordCounts(stack.database);
        const mark = await lastCall(stack.twin);
        assert.deepEqual(timeless(await reconcile(stack, range, { code: 0 })), timeless(certificate));
        assert.deepEqual(await recordCounts(stack.database), before);
        const [first, again] = [firstCall, mark].map((number) => callsByTarget(stack.twin, { operation: 'get_session', after: number }));
        const sessionsAsked = [...(await again)].length;
        assert.ok(sessionsAsked > 0 && sessionsAsked === [...(await first)].length);
    });

    test('with the whole list of Clink\'s, says the same', async () => {
        const walked = await reconcile(stack, ['--all', ...range], { code: 0 });
        assert.deepEqual({ ...timeless(walked), all: false }, timeless(certificate));
        assert.equal(walked.all, true);
    });

    test('of a part of the time is about that part, and takes nothing known outside of it for unknown', async () => {
        const part = await reconcile(stack, ['--all', ...few.range], { code: 0 });
        assert.deepEqual(part.matched, [{ currency: 'USD', count: 3, amount: '149.70' }]);
        assert.deepEqual([part.orders, part.sessions, part.unknown], [4, 4, []]);
        assert.deepEqual([Date.parse(part.from), Date.parse(part.to)], [Date.parse(few.from), Date.parse(few.to)]);
    });

    test('of a time in which nothing was, has nothing to say', async () => {
        const mark = await lastCall(stack.twin);
        const none = await reconcile(stack, ['--from', '2020-01-01', '--to', '2020-01-02'], { code: 0 });
        assert.deepEqual([none.orders, none.sessions, none.matched, none.openDiscrepancies], [0, 0, [], 0]);
        assert.deepEqual([none.from, none.to].map((at) => Date.parse(at)), [Date.UTC(2020, 0, 1), Date.UTC(2020, 0, 2)]);
        assert.equal((await callsByTarget(stack.twin, { after: mark })).size, 0);
    });

    test('is for people where nothing else is said, and names its scope', async () => {
        const { code, stdout, lines } = await runCommand(['reconcile', ...range], reconcileSettings(stack));
        assert.equal(code, 0);
        for (const { currency, count, amount } of certificate.matched) {
            const line = stdout.split('\n').find((each) => each.includes(currency) && each.includes(amount));
            assert.match(line ?? '', new RegExp(`\\b${count}\\b`), stdout);
        }
        for (const day of [range[1], range[3]]) assert.ok(stdout.includes(day), stdout);
        assert.ok(lines().length > 0, 'progress is log lines where there is no terminal');
    });

    test('shows its progress on a terminal', () => {
        const command = [checkoutBinary, 'reconcile', ...range, '--format', 'json'].join(' ');
        const env = { PATH: process.env.PATH, ...reconcileSettings(stack) };
        const shown = execFileSync('script', ['-qec', `${command} >/dev/null`, '/dev/null'], { encoding: 'utf8', env, stdio: 'pipe' });
        assert.match(shown, /\d/);
        assert.doesNotMatch(shown, /^\s*\{"/m, 'no log lines');
    });
});

describe('the rate', () => {
    test('is kept', async () => {
        const perSecond = 24;
        const mark = await lastCall(stack.twin);
        const begun = Date.now();
        await reconcile(stack, [...range, '--max-per-second', String(perSecond)], { code: 0 });
        const calls = await stack.twin.calls({ after: mark });
        assert.ok(calls.length >= 40, `${calls.length} calls`);
        // A second's calls may come at once, at the beginning; the last of the others came when its turn was.
        const took = (Date.parse(calls.at(-1).at) - begun) / 1000;
        assert.ok(took >= (calls.length - 1 - perSecond) / perSecond, `${calls.length} calls in ${took} s`);
    });
});

// What the documentation leaves open, or other versions of it say, makes no difference to what is certified.
describe('a Clink that says the same in another way', () => {
    let plain;
    let counts;
    before(async () => {
        plain = timeless(await reconcile(stack, range, { code: 0 }));
        counts = await recordCounts(stack.database);
    });

    const assertSame = async (...args) => {
        assert.deepEqual({ ...timeless(await reconcile(stack, [...range, ...args], { code: 0 })), all: false }, plain);
        assert.deepEqual(await recordCounts(stack.database), counts);
    };

    for (const fault of ['odd_spelling', 'message_instead_of_msg', 'amounts_as_strings', 'extra_fields'])
        test(`is understood: ${fault}`, async () => {
            await stack.twin.fault({ operation: 'any', count: 0, fault });
            await assertSame();
            await stack.twin.clearFaults();
        });

    for (const [name, changed, usual] of [
        ['refusals with an HTTP status', { error_style: 'http_4xx' }, { error_style: 'http_200' }],
        ['a list that begins with the oldest', { list_order: 'oldest_first' }, { list_order: 'newest_first' }],
        ['a list that lags by an hour', { list_lag_ms: 3_600_000 }, { list_lag_ms: 0 }],
        ['a list that does not know references', { list_by_reference: false }, { list_by_reference: true }],
    ])
        test(`is understood: ${name}`, async () => {
            await stack.twin.settings(changed);
            await assertSame('--all');
            await stack.twin.settings(usual);
        });
});

// Each of these has censuses of its own range, so that they may wait beside each other.
describe('a Clink that does not answer', { concurrency: true }, () => {
    const nothing = async (work) => {
        const before = await recordCounts(stack.database);
        const certificate = await work();
        assert.ok(certificate.notAnswered > 0);
        assert.deepEqual([certificate.missing, certificate.unknown, certificate.differing], [[], [], []]);
        assert.deepEqual([certificate.missingSessions, certificate.openDiscrepancies], [0, 0]);
        assert.deepEqual(await recordCounts(stack.database), before);
        return certificate;
    };

    test('is never taken for one that does not know, and what it did answer is certified', async () => {
        for (const { fault, operation, merchantOrderId, sessionId, clinkOrderId } of hurt.orders.filter((each) => each.fault))
            for (const match of [merchantOrderId, sessionId, clinkOrderId])
                await stack.twin.fault({ operation: 'any', count: 0, ...fault, ...(operation && { operation }), match });
        const certificate = await nothing(() => reconcile(stack, hurt.range, { code: 3, env: impatient }));
        const unanswered = hurt.orders.filter(({ fault, operation }) => fault && !operation).length;
        assert.ok(certificate.notAnswered >= unanswered, `${certificate.notAnswered} not answered`);
        const [{ count }] = certificate.matched;
        assert.ok(count >= 1 && count <= hurt.orders.length - unanswered, `${count} matched`);
    });

    test('at all is counted', async () => {
        const env = { ...impatient, CLINK_API_BASE_URL: `http://127.0.0.1:${await freePort()}/api` };
        const certificate = await nothing(() => reconcile(stack, range, { code: 3, env }));
        assert.deepEqual(certificate.matched, []);
        assert.ok(certificate.notAnswered >= ids.length, `${certificate.notAnswered} not answered`);
    });

    test('to the list of everything is counted too', async () => {
        const lists = await stack.twin.calls({ operation: 'list_orders' });
        const { target } = lists.find((each) => !each.target.includes('merchantReferenceId'));
        await stack.twin.fault({ operation: 'list_orders', match: target, fault: 'http_status', status: 503, count: 0 });
        const certificate = await nothing(() => reconcile(stack, ['--all', ...few.range], { code: 3, env: impatient }));
        assert.equal(certificate.matched[0].count, 3);
    });
});

describe('a Clink that answers again', () => {
    test('is certified', async () => {
        await stack.twin.clearFaults();
        const certificate = await reconcile(stack, hurt.range, { code: 0 });
        assert.deepEqual([certificate.matched[0].count, certificate.notAnswered], [hurt.orders.length, 0]);
        await reconcile(stack, ['--all', ...few.range], { code: 0 });
    });

    test('after one lost answer is certified at once', async () => {
        await stack.twin.fault({ operation: 'any', fault: 'lost_answer', count: 1 });
        const certificate = await reconcile(stack, few.range, { code: 0 });
        await stack.twin.clearFaults();
        assert.deepEqual([certificate.matched[0].count, certificate.notAnswered], [3, 0]);
    });
});

describe('the command', () => {
    const wrong = {
        'without a range': [],
        'without an end': range.slice(0, 2),
        'without a beginning': range.slice(2),
        'with a time that is none': ['--from', 'yesterday', '--to', '2026-01-01'],
        'with a day that is none': ['--from', '2026-02-30', '--to', '2026-03-01'],
        'with a range that ends before it begins': ['--from', '2026-01-02', '--to', '2026-01-01'],
        'with no rate': [...range, '--max-per-second', '0'],
        'with a rate that is no number': [...range, '--max-per-second', 'fast'],
        'with a negative rate': [...range, '--max-per-second', '-1'],
        'with an unknown format': [...range, '--format', 'xml'],
        'with an unknown option': [...range, '--everything'],
        'with an argument too many': [...range, 'payments'],
    };
    for (const [name, args] of Object.entries(wrong))
        test(`${name} is wrong usage`, async () => {
            const mark = await lastCall(stack.twin);
            const { code, stdout, stderr } = await runCommand(['reconcile', ...args], reconcileSettings(stack));
            assert.equal(code, 2, stderr);
            assert.equal(stdout, '');
            assert.match(stderr, /\w+ \w+/);
            assert.equal((await callsByTarget(stack.twin, { after: mark })).size, 0);
        });

    test('names every setting that is missing, and needs no others', async () => {
        const { code, stdout, stderr } = await runCommand(['reconcile', ...range], {});
        assert.equal(code, 2);
        for (const name of Object.keys(reconcileSettings(stack))) assert.ok((stdout + stderr).includes(name), name);
        assert.ok(!(stdout + stderr).includes('API_TOKENS'));
    });

    test('says what it takes', async () => {
        const { code, stdout } = await runCommand(['reconcile', '--help'], {});
        assert.equal(code, 0);
        for (const name of ['--from', '--to', '--all', '--max-per-second', '--format']) assert.ok(stdout.includes(name), name);
        const overview = await runCommand(['--help'], {});
        for (const name of ['reconcile', 'export']) assert.match(overview.stdout, new RegExp(`^ +${name}\\b`, 'm'));
    });

    test('fails with a sentence where the database is away', async () => {
        const env = { ...reconcileSettings(stack), DATABASE_URL: `postgresql://nobody:hunter2@127.0.0.1:${await freePort()}/none` };
        const { code, stdout, stderr } = await ended(startCommand(['reconcile', ...range], env));
        assert.equal(code, 1);
        assert.equal(stdout, '');
        assert.match(stderr, /\w+ \w+/);
        assert.ok(!stderr.includes('hunter2'));
    });
});
