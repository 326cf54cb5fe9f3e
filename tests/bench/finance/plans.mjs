// The plan of every statement that the requests lead to, as PostgreSQL itself logs it (auto_explain): the statements are the
// service's own, and asked often enough that a prepared one gets its general plan.
import { pause, printTable, thousands } from './figures.mjs';
import { get, known } from './requests.mjs';
import { download, runExport } from './exports.mjs';
import { explainCursors, ServerLog } from './server_log.mjs';

const asked = 8; // PostgreSQL plans a prepared statement five times for its values, then may do so for all
const largeTable = 100_000; // rows
const manyRows = 5_000; // read for nothing, or sorted
const manyParts = 1 / 20; // of the table, read for nothing

/** Every node of a plan, outermost first. */
export function nodesOf(plan) {
    return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

// Of a plan that was not run, the planner's guess.
const rowsOf = (node) => Math.round(node['Actual Rows'] === undefined ? node['Plan Rows'] : node['Actual Rows'] * node['Actual Loops']);
const dropped = (node) => Math.round(
    ((node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)) * (node['Actual Loops'] ?? 0),
);

/** `Index Scan sessions_due 32`: what, of what, how many rows, and how many of them for nothing. */
function describe(node) {
    const parallel = node['Parallel Aware'] ? 'Parallel ' : '';
    const of = node['Index Name'] ?? node['Relation Name'];
    const away = dropped(node) > 0 ? ` (-${thousands(dropped(node))})` : '';
    return `${parallel}${node['Node Type']}${of ? ` ${of}` : ''} ${thousands(rowsOf(node))}${away}`;
}

/** In one line; what repeats itself, as the subplans of a view do, is said once. */
export function summarise(plan) {
    const told = [];
    for (const each of nodesOf(plan).map(describe)) if (!told.includes(each)) told.push(each);
    return told.join(' > ');
}

/** What is wrong with a plan. Exports are no exception: their first row must not wait for the last. */
export function faultsOf(plan, sizes) {
    const faults = [];
    for (const node of nodesOf(plan)) {
        const size = sizes.get(node['Relation Name']) ?? 0;
        if (node['Node Type'] === 'Seq Scan' && size >= largeTable && node['Actual Loops'] !== 0)
            faults.push(`Seq Scan on ${node['Relation Name']}, ${thousands(size)} rows`);
        const wasted = dropped(node);
        if (wasted >= manyRows && wasted >= size * manyParts)
            faults.push(`${thousands(wasted)} rows of ${node['Index Name'] ?? node['Relation Name']} for nothing`);
        if (node['Node Type'].includes('Sort') && rowsOf(node) >= manyRows)
            faults.push(`${thousands(rowsOf(node))} rows sorted`);
    }
    return [...new Set(faults)];
}

export async function sizesOf(world) {
    const rows = await world.database.query(`
        select relname, reltuples from pg_class join pg_namespace n on n.oid = relnamespace
        where nspname = 'checkout' and relkind = 'r'`);
    return new Map(rows.map(({ relname, reltuples }) => [relname, Number(reltuples)]));
}

const isGeneric = (plan) => /\$\d/.test(JSON.stringify(plan));
const shortened = (text) => text.replace(/\s+/g, ' ').trim().slice(0, 60);

export async function showPlans({ worlds, requests, verdict }) {
    const world = worlds.large;
    const sizes = await sizesOf(world);
    const rows = [];
    await world.explained(async () => {
        // One connection, on which every statement is asked for again and again.
        const service = await world.serve('plans', worlds.clinkUrl, { DATABASE_POOL_SIZE: '1' });
        const log = new ServerLog(worlds.log);
        const seen = new Set();
        const show = async (request) => {
            const entries = (await log.read()).filter(({ database }) => database === world.database.name);
            const cursors = await explainCursors(entries, world.database.serverUrl);
            const found = [...entries.filter(({ plan }) => plan), ...cursors];
            for (const text of new Set(found.map((entry) => entry.text))) {
                const told = found.filter((entry) => entry.text === text);
                // Of a statement that many requests share, the first one shows it, and any that has a bad plan.
                const plans = new Map(told.map((entry) => [summarise(entry.plan), entry]));
                for (const [summary, { ms, plan }] of plans) {
                    const faults = faultsOf(plan, sizes);
                    const isNew = !seen.has(text + isGeneric(plan));
                    seen.add(text + isGeneric(plan));
                    if (!isNew && faults.length === 0) continue;
                    const isJudged = !known.has(request);
                    for (const fault of faults) verdict.expect(!isJudged, `plan of "${request}": ${fault}: ${shortened(text)}…`);
                    rows.push({ request, ms, generic: isGeneric(plan), text, summary, faults, isJudged });
                }
            }
        };
        try {
            await pause(3000);
            await show('no request: the feed and what else goes on');
            for (const [name, path] of Object.entries(requests)) {
                for (let times = 0; times < asked; times++) await get(service, path());
                await show(name);
            }
            const day = new URLSearchParams(requests['payments, a day']().split('?')[1]);
            day.delete('limit');
            for (const report of ['payments', 'sessions', 'refunds'])
                for (const [range, search] of Object.entries({ 'a day': `?${day}`, all: '' })) {
                    const name = `${report}, ${range} as CSV`;
                    await download(service, `/v1/reconciliation/${report}${search}`, 'text/csv')
                        .catch((error) => verdict.expect(false, `${name}: ${error.message}`));
                    await show(name);
                }
            await runExport(world, ['events', '--from', day.get('from'), '--to', day.get('to')])
                .catch((error) => verdict.expect(false, `events of a day by command: ${error.message}`));
            await show('events, a day by command');
        } finally {
            await service.stop();
        }
    });
    printPlans('Plans, large world (rows of each node, all loops; in brackets those for nothing)', rows);
}

export function printPlans(title, rows) {
    console.log(`\n${title}`);
    let last;
    for (const { request, ms, generic, text, summary, faults, isJudged = true } of rows) {
        if (request !== last) console.log(`  ${request}`);
        last = request;
        const kind = generic ? 'any values' : 'these values';
        console.log(`    ${ms.toFixed(1)} ms, for ${kind}: ${shortened(text)}…\n        ${summary}`);
        for (const fault of faults) console.log(`        ${isJudged ? 'OFFENCE' : 'known:'} ${fault}`);
    }
    printTable('Of the plans', ['', 'number'], [
        ['statements and plans', rows.length], ['with an offence', rows.filter(({ faults, isJudged = true }) => isJudged && faults.length > 0).length],
    ]);
}
