// What goes wrong, and what whoever operates PostgreSQL does about it. A fault gives a promise of which server is the primary then
// and since when (`url`, `at`), or of undefined where none takes another's place. With `splitsUnfenced` two are
// at once where no watchdog resets the first.
import { Pair } from './pair.mjs';
import { Patroni } from './patroni.mjs';
import { becamePrimary } from './watch.mjs';

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const failoverSeconds = 120;

const plain = (synchronous, fault) => ({ synchronous, start: () => Pair.start({ synchronous }), fault });
const patroni = (synchronous, fault, more) => ({ synchronous, start: (options) => Patroni.start({ synchronous, ...options }), fault, ...more });

/** Somebody notices after two seconds. */
async function killAndPromote(pair) {
    pair.killPrimary();
    await pause(2000);
    return becamePrimary([await pair.promote()], failoverSeconds);
}

async function lagThenKillAndPromote(pair) {
    await pair.holdReplication();
    await pause(2000);
    return killAndPromote(pair);
}

/** No server can be waited for; after fifteen seconds somebody decides to go on without. */
async function loseStandby(pair) {
    pair.killStandby();
    await pause(15_000);
    await pair.setStandbyNames('');
    return undefined;
}

async function killLeader(cluster) {
    const others = await followersOf(cluster);
    await cluster.killLeader();
    return becamePrimary(others, failoverSeconds);
}

async function switchOver(cluster) {
    const others = await followersOf(cluster);
    const order = cluster.switchover();
    const primary = await becamePrimary(others, failoverSeconds);
    await order;
    return primary;
}

/** It comes back ten seconds after another took its place; without a watchdog, it believes to be the primary still. */
const hangAndComeBack = (how) => async (cluster) => {
    const leader = await cluster.leader();
    const others = await followersOf(cluster);
    const since = performance.now();
    leader[how]();
    const primary = await becamePrimary(others, failoverSeconds);
    const resetAfter = leader.watchdog && (leader.resetAt - since) / 1000;
    await pause(10_000);
    leader.comeBack();
    await cluster.healthy(failoverSeconds);
    return { ...primary, resetAfter };
};

async function followersOf(cluster) {
    const leader = await cluster.primary();
    return cluster.urls.filter((url) => url !== leader);
}

export const scenarios = {
    'plain, synchronous: primary killed, standby promoted': plain(true, killAndPromote),
    'plain, asynchronous: primary killed, standby promoted': plain(false, killAndPromote),
    'plain, asynchronous and 2 s behind: primary killed, standby promoted': plain(false, lagThenKillAndPromote),
    'plain, synchronous: standby killed, given up after 15 s': plain(true, loseStandby),
    'Patroni, synchronous: leader killed': patroni(true, killLeader),
    'Patroni, asynchronous: leader killed': patroni(false, killLeader),
    'Patroni, synchronous: leader hangs, comes back': patroni(true, hangAndComeBack('hang')),
    'Patroni, asynchronous: leader hangs, comes back': patroni(false, hangAndComeBack('hang')),
    'Patroni, synchronous: leader without supervision': patroni(true, hangAndComeBack('hangSupervision')),
    // Without a watchdog the sessions that are there work as ever, at a primary that is none any more: nothing tells the service.
    'Patroni, asynchronous: leader without supervision': patroni(false, hangAndComeBack('hangSupervision'), { splitsUnfenced: true }),
    'Patroni, synchronous: switchover': patroni(true, switchOver),
    'Patroni, asynchronous: switchover': patroni(false, switchOver),
};
