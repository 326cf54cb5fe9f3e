// Finance's commands, run as a CronJob runs them: to their end, with the settings that they use and no others.
import assert from 'node:assert/strict';

import { patient } from './database.js';
import { checkoutBinary } from './environment.js';
import { ChildProcess } from './process.js';

const dayMs = 24 * 3600 * 1000;
const dayFromNow = (days) => new Date(Date.now() + days * dayMs).toISOString().slice(0, 10);

/** `--from` and `--to` around all that a test does. */
export const allOfIt = () => ['--from', dayFromNow(-1), '--to', dayFromNow(2)];

/** A moment that lies between what was done before and what is done after, by any clock to the millisecond. */
export async function moment() {
    await new Promise((done) => setTimeout(done, 5));
    const now = new Date().toISOString();
    await new Promise((done) => setTimeout(done, 5));
    return now;
}

export const reconcileSettings = (stack) => ({
    DATABASE_URL: patient(stack.database.serverUrl),
    CLINK_API_BASE_URL: stack.twin.apiBase,
    CLINK_API_KEY: stack.twin.apiKey,
});

/** Starts `clink-checkout ...args`; `env` is all that it has. */
export const startCommand = (args, env) => new ChildProcess(`command-${args[0]}`, checkoutBinary, args, env);

/** Runs it to its end: `{code, signal, stdout, stderr, lines}`, `lines` being a function that reads standard error's JSON lines. */
export async function runCommand(args, env) {
    return ended(startCommand(args, env));
}

export async function ended(child) {
    const exit = await child.exited;
    return { ...exit, stdout: child.stdout, stderr: child.stderr, lines: () => child.logLines() };
}

export const startReconcile = (stack, args, env = {}) =>
    startCommand(['reconcile', '--format', 'json', ...args], { ...reconcileSettings(stack), ...env });

/** Runs `reconcile --format json` and gives its certificate; `code` is what it has to exit with. */
export async function reconcile(stack, args, { code, env } = {}) {
    return certificateOf(await ended(startReconcile(stack, args, env)), code);
}

const members = [
    'asOf', 'startedAt', 'from', 'to', 'all', 'orders', 'sessions', 'matched', 'duplicates', 'unknown', 'missing', 'differing',
    'refunds', 'missingSessions', 'notAnswered', 'openDiscrepancies',
];
const sums = ['matched', 'duplicates', 'unknown', 'missing', 'differing'];
const decimals = { JPY: 0, KRW: 0, KWD: 3, BHD: 3 };

/** The certificate of a run that came to its end, checked for its form, lists in order of currencies. */
export function certificateOf({ code, signal, stdout, stderr }, expected) {
    assert.equal(signal, null);
    if (expected !== undefined) assert.equal(code, expected, `${stdout}\n${stderr.slice(-4000)}`);
    assert.ok(stdout.endsWith('\n'));
    const certificate = JSON.parse(stdout);
    assert.deepEqual(Object.keys(certificate).sort(), [...members].sort());
    for (const name of ['asOf', 'from', 'to']) assert.match(certificate[name], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/, name);
    assert.equal(typeof certificate.all, 'boolean');
    for (const name of ['orders', 'sessions', 'notAnswered', 'openDiscrepancies']) assert.ok(Number.isInteger(certificate[name]), name);
    for (const name of [...sums, 'refunds']) {
        certificate[name].sort((a, b) => (a.currency < b.currency ? -1 : 1));
        const shape = name === 'refunds' ? ['count', 'currency'] : ['amount', 'count', 'currency'];
        for (const each of certificate[name]) {
            assert.deepEqual(Object.keys(each).sort(), shape, name);
            assert.ok(Number.isInteger(each.count) && each.count > 0, name);
            if (name !== 'refunds') assertDigits(each);
        }
        assert.equal(new Set(certificate[name].map(({ currency }) => currency)).size, certificate[name].length, name);
    }
    return certificate;
}

/** An amount is decimal text with its currency's digits, or with more where Clink gave more. */
function assertDigits({ currency, amount }) {
    const digits = decimals[currency] ?? 2;
    assert.match(amount, digits === 0 ? /^\d+$/ : new RegExp(`^\\d+\\.\\d{${digits},}$`), `${amount} ${currency}`);
    assert.ok(!(amount.split('.')[1]?.length > digits) || !amount.endsWith('0'), `${amount} ${currency}`);
}

const scale = 12;

/** `[{currency, count, amount}]` in order of currencies, of `[currency, amount]` rows; exact. */
export function summed(rows) {
    const found = new Map();
    for (const [currency, amount] of rows) {
        const [whole, rest = ''] = String(amount).split('.');
        const parts = BigInt(whole + rest.padEnd(scale, '0'));
        const before = found.get(currency) ?? { count: 0, parts: 0n };
        found.set(currency, { count: before.count + 1, parts: before.parts + parts });
    }
    return [...found]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([currency, { count, parts }]) => ({ currency, count, amount: written(parts, decimals[currency] ?? 2) }));
}

function written(parts, digits) {
    const text = parts.toString().padStart(scale + 1, '0');
    const rest = text.slice(-scale).replace(/0+$/, '').padEnd(digits, '0');
    return rest === '' ? text.slice(0, -scale) : `${text.slice(0, -scale)}.${rest}`;
}

/** What a certificate says whenever it is made. */
export const timeless = ({ asOf, startedAt, ...rest }) => rest;

/** Rows that must not grow when nothing new is found. */
export async function recordCounts(database) {
    const [counts] = await database.query(`
        select (select count(*)::int from checkout.events) as events, (select count(*)::int from checkout.payments) as payments,
            (select count(*)::int from checkout.refunds) as refunds, (select count(*)::int from checkout.sessions) as sessions,
            (select count(*)::int from checkout.discrepancies) as discrepancies,
            (select count(*)::int from checkout.discrepancies where state = 'open') as open`);
    return counts;
}

/** Calls to the merchant API after number `after` of the twin's log, by the path that they asked for. */
export async function callsByTarget(twin, { operation, after = 0 } = {}) {
    const counts = new Map();
    for (const { target } of await twin.calls({ operation, after })) counts.set(target, (counts.get(target) ?? 0) + 1);
    return counts;
}

/** The number of the last call that the twin has in its log. */
export const lastCall = async (twin) => (await twin.calls()).at(-1)?.number ?? 0;
