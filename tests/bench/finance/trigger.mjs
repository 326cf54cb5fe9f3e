// What the feed costs those who write: PostgreSQL itself says how much of an event's insertion its triggers take. Nothing is kept.
import { median, printTable } from './figures.mjs';

const events = 20_000;
const rounds = 5;

export async function measureTrigger({ worlds }) {
    const { database, orders } = worlds.large;
    const runs = [];
    for (let round = 0; round < rounds; round++) {
        await database.query('begin');
        const [row] = await database.query(`
            explain (analyze, format json)
            insert into checkout.events (order_id, kind) select 1 + number * 7919 % ${orders}, 'bench'
            from generate_series(1, ${events}::bigint) number`);
        await database.query('rollback');
        const [{ 'Execution Time': total, Triggers: triggers }] = row['QUERY PLAN'];
        const feed = triggers.find((each) => each['Trigger Name'] === 'events_await_number').Time;
        const keys = triggers.filter((each) => each['Constraint Name']).reduce((sum, each) => sum + each.Time, 0);
        runs.push({ total, feed, keys });
    }
    const each = (name) => ((median(runs.map((run) => run[name])) * 1000) / events).toFixed(1);
    printTable('An event written, in PostgreSQL (µs an event; medians)', ['', 'µs'],
        [['all of it', each('total')], ['of that the feed (events_await_number)', each('feed')], ['of that foreign keys', each('keys')]]);
}
