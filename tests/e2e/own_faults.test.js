// What fails of ours for good, a settlement that the database refuses whatever is tried, is shown, asked about less and less
// often, and made good when it is mended.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './support/environment.js';
import { Stack } from './support/stack.js';

const env = { CLINK_TIMEOUT_MS: '5000', SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '1,2,3' };

describe('a payment that cannot be recorded', () => {
    let stack;
    let session;
    before(async () => {
        stack = await Stack.start('own-faults', { env, webhooks: {} });
        await stack.webhooks();
        session = (await stack.api.create(stack.order())).json;
        await stack.database.query(`create function public.refuse() returns trigger language plpgsql as
            $$ begin raise exception 'refused by the test'; end $$`);
        await stack.database.query('create trigger refuse before insert on checkout.payments for each row execute function public.refuse()');
        await stack.twin.pay(session.sessionId);
    });
    after(() => stack?.close());

    const row = async () =>
        (await stack.database.query('select * from checkout.sessions where clink_session_id = $1', [session.sessionId]))[0];
    const orphans = async (state) => {
        const sent = await stack.twin.webhooks(session.sessionId);
        return Promise.all(sent.map(({ id }) => stack.discrepancies(id, { kind: 'orphan_event', state })));
    };

    test('is shown by its events', async () => {
        await eventually('an event is shown', async () => (await orphans('open')).some((found) => found.length === 1), 20);
        assert.equal((await stack.api.order(session.merchantOrderId)).json.state, 'unpaid');
    });

    test('is asked about less and less often', async () => {
        const { failed_checks: failures } = await eventually('it failed three times', async () => {
            const found = await row();
            return found.failed_checks >= 3 && found;
        }, 40);
        assert.ok(failures >= 3);
        assert.equal((await row()).payment_status, 'unpaid');
    });

    test('is a session of which nothing is known, past its expiry', async () => {
        await stack.database.query(
            "update checkout.sessions set expire_time = now() - interval '90 minutes', next_check_at = now() where clink_session_id = $1",
            [session.sessionId]);
        await stack.discrepancy(session.merchantOrderId, 'stuck_unknown', 'open', 40);
    });

    test('is on record once it can be, and all is explained', async () => {
        await stack.database.query('drop trigger refuse on checkout.payments');
        await stack.database.query('update checkout.sessions set next_check_at = now() where clink_session_id = $1', [session.sessionId]);
        const order = await stack.settled(session.merchantOrderId, 'paid', 40);
        assert.equal(order.payments.length, 1);
        await stack.discrepancy(session.merchantOrderId, 'stuck_unknown', 'resolved', 40);
        await stack.database.query('update checkout.webhooks set next_try_at = now() where next_try_at is not null');
        await eventually('no event is an orphan', async () => (await orphans('open')).every((found) => found.length === 0), 40);
    });
});
