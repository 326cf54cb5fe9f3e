// See ./run and README.md. One scenario after the other: load, the fault, what came of it.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { allOfIt, ended, startCommand } from '../e2e/support/command.js';
import { failuresOf, outageOf, rateOf, table } from './figures.mjs';
import { brokenAnyway, feedFaults, lossesOf, paymentsNeverFound, settleSeconds, standingAtClink, sweptSince } from './judge.mjs';
import { Load } from './load.mjs';
import { defaultPace, quickPace } from './patroni.mjs';
import { scenarios } from './scenarios.mjs';
import { FeedReader, ReadinessWatch } from './watch.mjs';
import { World } from './world.mjs';

const { values: given, positionals } = parseArgs({
    allowPositionals: true,
    options: {
        list: { type: 'boolean' },
        writers: { type: 'string', default: '16' },
        json: { type: 'string' },
        'patroni-defaults': { type: 'boolean' },
        'no-watchdog': { type: 'boolean' },
    },
});
const pace = given['patroni-defaults'] ? defaultPace : quickPace;
const fenced = !given['no-watchdog'];
const beforeMs = 6000;
const afterMs = 10_000;
/** A replica finds the new primary so long after it is one: an answer is given up after 7 s, a connect after 3 s, and all is slow here. */
const followSeconds = 15;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** What has to be taken down however this ends: the servers are no children of this process. */
const standing = new Set();
const takeDown = async (thing) => {
    if (standing.delete(thing)) await thing.remove();
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.once(signal, async () => {
        for (const thing of standing) await takeDown(thing);
        process.exit(1);
    });

async function run(name, { synchronous, start, fault, splitsUnfenced }) {
    const label = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
    const topology = await start({ pace, fenced });
    standing.add(topology);
    let world;
    try {
        world = await World.start(label, topology);
        const load = new Load(world);
        const watches = world.replicas.map((service) => new ReadinessWatch(service));
        const reader = new FeedReader(world.replicas[0]);
        load.start(Number(given.writers));
        await pause(beforeMs);
        const since = performance.now();
        const at = Date.now();
        const primary = await fault(topology);
        await pause(afterMs);
        await load.stop();
        if (primary) await world.lookAt(primary.url);
        for (const service of world.replicas) await service.readiness(200, 30);
        for (const watch of watches) await watch.stop();
        const never = await paymentsNeverFound(world);
        await reader.stop();
        const result = {
            name, synchronous, splits: splitsUnfenced && !fenced, load, watches, reader, never, at,
            rate: rateOf(load.answers, 'create', since, beforeMs / 2000),
            writableAfter: primary && (primary.at - since) / 1000,
            resetAfter: primary?.resetAfter,
            outages: world.replicas.map((_, replica) => outageOf(load.answers, replica, since)),
            unready: watches.map((watch) => watch.unreadySeconds(since)),
            failures: failuresOf(load.answers, since),
        };
        result.verdict = await judge(world, result);
        if (!synchronous) result.reconciled = await reconcile(world);
        result.violations = violationsOf(world, result);
        result.violations.push(...(await world.stop()));
        return result;
    } finally {
        await world?.stop();
        await takeDown(topology);
    }
}

async function judge(world, { load, reader, never, at }) {
    const losses = await lossesOf(world, load);
    return {
        acknowledged: losses.acknowledged, lostSessions: losses.lost.length, acknowledgedPayments: losses.acknowledgedPayments,
        lostPayments: losses.lostPayments.length, neverFound: never.length, atClink: await standingAtClink(world),
        feed: await feedFaults(world, reader), broken: await brokenAnyway(world), swept: await sweptSince(world, at),
    };
}

/** What a replica of the record that lost its end is told by Clink. */
async function reconcile({ database, twin }) {
    const settings = { DATABASE_URL: database.serverUrl, CLINK_API_BASE_URL: twin.apiBase, CLINK_API_KEY: twin.apiKey };
    const { code, stdout } = await ended(startCommand(['reconcile', '--format', 'json', '--all', ...allOfIt()], settings));
    const kinds = await database.query("select kind, count(*)::int as n from checkout.discrepancies where state = 'open' group by 1 order by 1");
    return { code, certificate: JSON.parse(stdout), open: Object.fromEntries(kinds.map(({ kind, n }) => [kind, n])) };
}

/** Sentences; with a synchronous standby nothing that was acknowledged may be missing, without one what is left must add up. */
function violationsOf(world, { synchronous, splits, load, verdict, outages, unready, writableAfter, resetAfter, reconciled }) {
    const found = [...verdict.broken, ...verdict.feed.faults];
    const must = (holds, sentence) => holds || found.push(sentence);
    for (const { label, process: { exit } } of world.replicas) must(exit === undefined, `${label} ended: ${JSON.stringify(exit)}`);
    for (const { recovered } of outages) must(Number.isFinite(recovered), 'a replica did not recover');
    if (writableAfter !== undefined && !splits)
        for (const { recovered } of outages)
            must(recovered < writableAfter + followSeconds, `a replica was ${(recovered - writableAfter).toFixed(1)} s behind the new primary`);
    if (resetAfter !== undefined) must(resetAfter < writableAfter, 'another led before the watchdog had reset the machine');
    must(load.gaveUp === 0, `${load.gaveUp} customers gave up`);
    must(verdict.swept > 0, 'the sweeper found nothing after the fault');
    must(load.answers.every(({ status }) => status !== 500), 'a request was answered with 500');
    for (const seconds of unready) must(Number.isFinite(seconds), 'a replica did not become ready again');
    if (writableAfter > 1 && !splits) for (const seconds of unready) must(seconds > 0, 'a replica without a database said that it is ready');
    if (reconciled) {
        const { unknown } = reconciled.certificate;
        const told = unknown.reduce((sum, { count }) => sum + count, 0);
        must(told === verdict.neverFound, `reconcile told of ${told} payments that only Clink has, and there are ${verdict.neverFound}`);
    }
    if (!synchronous) return found;
    must(verdict.lostSessions === 0, `${verdict.lostSessions} acknowledged sessions are lost`);
    must(verdict.lostPayments === 0, `${verdict.lostPayments} acknowledged payments are lost`);
    must(verdict.neverFound === 0, `${verdict.neverFound} payments are unknown ${settleSeconds} s after the end`);
    must(verdict.atClink.unknown.length === 0, `Clink has ${verdict.atClink.unknown.length} sessions without an intent on record`);
    must(verdict.feed.moved === 0, `${verdict.feed.moved} events that a reader was given have other numbers now`);
    return found;
}

function report({ name, verdict, failures, violations, reconciled, resetAfter }) {
    const { atClink, feed } = verdict;
    console.log(`\n${name}`);
    if (resetAfter !== undefined) console.log(`  the watchdog reset the machine after ${resetAfter.toFixed(1)} s`);
    console.log(`  answers that were no success: ${JSON.stringify(failures)}`);
    console.log(`  sessions at Clink: ${atClink.released} released, ${atClink.dark} dark, ${atClink.unknown.length} not on record`);
    console.log(`  feed: ${feed.read} events read on the way, ${feed.moved} of them are not in the record as they were`);
    console.log(`  payments found by the sweeper since: ${verdict.swept}; unknown in the end: ${verdict.neverFound}`);
    if (reconciled) {
        const { code, certificate, open } = reconciled;
        console.log(`  reconcile --all: exit ${code}, only at Clink ${JSON.stringify(certificate.unknown)}, open ${JSON.stringify(open)}`);
    }
    for (const each of violations) console.log(`  VIOLATION ${each}`);
}

if (given.list) {
    console.log(Object.keys(scenarios).join('\n'));
} else {
    const unknown = positionals.filter((name) => !(name in scenarios));
    if (unknown.length > 0) throw new Error(`there is no scenario '${unknown[0]}'; --list names them`);
    const names = positionals.length > 0 ? positionals : Object.keys(scenarios);
    const results = [];
    for (const name of names) {
        results.push(await run(name, scenarios[name]));
        report(results.at(-1));
    }
    console.log(`\n${table(results)}`);
    const kept = results.map(({ load, watches, reader, ...rest }) => rest);
    if (given.json) writeFileSync(given.json, `${JSON.stringify(kept, null, 2)}\n`);
    process.exitCode = results.some(({ violations }) => violations.length > 0) ? 1 : 0;
}
