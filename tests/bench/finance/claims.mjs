// The sweeper's claims: the same number of sessions is made due in both worlds, and PostgreSQL's log says what each claim took.
// Clink answers, with nothing to learn from.
import { eventually } from '../../e2e/support/environment.js';
import { median, printTable, thousands } from './figures.mjs';
import { faultsOf, nodesOf, printPlans, sizesOf, summarise } from './plans.mjs';
import { ServerLog } from './server_log.mjs';

const due = 480;
const allowedRatio = 3;
const allowedMs = 5;

const isClaim = ({ plan, text }) => plan && /^with due\b.*skip locked/is.test(text.trim());
const claimed = ({ plan }) => nodesOf(plan)[0]['Actual Rows'];

async function claimsOf(world, worlds) {
    await world.database.query('update checkout.sessions set next_check_at = now() + interval \'1 day\' where next_check_at <= now() + interval \'1 hour\'');
    const step = Math.floor((await world.value('select count(*)::int from checkout.orders')) / due);
    await world.database.query(`
        update checkout.sessions set next_check_at = now() - interval '1 second'
        where attempt = 1 and order_id % ${step} = 0 and order_id <= ${due * step}`);
    await world.database.query('vacuum analyze checkout.sessions');
    return world.explained(async () => {
        const log = new ServerLog(worlds.log);
        const service = await world.serve('claims', worlds.clinkUrl, {
            SWEEP_INTERVAL_SECONDS: '1', SWEEP_MAX_PER_SECOND: '10000', DATABASE_POOL_SIZE: '4', CLINK_TIMEOUT_MS: '60000',
        });
        const found = [];
        try {
            await eventually('everything that is due was claimed', async () => {
                found.push(...(await log.read()).filter((entry) => entry.database === world.database.name && isClaim(entry)));
                return found.filter(isOfSessions).reduce((sum, entry) => sum + claimed(entry), 0) >= due;
            }, 120);
        } finally {
            await service.stop();
        }
        return found;
    });
}

const isOfSessions = ({ text }) => /update checkout\.sessions/i.test(text) && !/lease_until/i.test(text);

export async function measureClaims({ worlds, verdict }) {
    const found = { small: await claimsOf(worlds.small, worlds), large: await claimsOf(worlds.large, worlds) };
    const times = (name) => found[name].filter((entry) => isOfSessions(entry) && claimed(entry) > 0).map(({ ms }) => ms);
    const [small, large] = [median(times('small')), median(times('large'))];
    const isFlat = large / small <= allowedRatio || large <= allowedMs;
    verdict.expect(isFlat, `a claim takes ${(large / small).toFixed(1)} times as long on the large world`);
    printTable(`The sweeper's claim of sessions, ${thousands(due)} due in both worlds (ms in PostgreSQL)`,
        ['', 'claims', 'small', 'claims', 'large', 'ratio', ''],
        [['claims that found some', times('small').length, small.toFixed(2), times('large').length, large.toFixed(2),
            (large / small).toFixed(2), isFlat ? '' : 'OFFENCE']]);

    const sizes = await sizesOf(worlds.large);
    const rows = [];
    for (const text of new Set(found.large.map((entry) => entry.text))) {
        const entry = found.large.filter((each) => each.text === text).sort((a, b) => claimed(b) - claimed(a))[0];
        const faults = faultsOf(entry.plan, sizes);
        for (const fault of faults) verdict.expect(false, `plan of a claim: ${fault}`);
        rows.push({ request: 'claims', ms: entry.ms, generic: false, text, summary: summarise(entry.plan), faults });
    }
    printPlans('Plans of the claims, large world', rows);
}
