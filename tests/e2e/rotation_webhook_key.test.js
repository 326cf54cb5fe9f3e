// The secret that webhooks are signed with is replaced: the replicas take both before Clink signs with the new one. Every
// delivery is taken at its first attempt, whichever of the two it is signed with, and each payment becomes known by it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { eventually } from './support/environment.js';
import { closeAll, Fleet } from './support/fleet.js';
import { Load } from './support/load.js';
import { SecretVolume } from './support/secret_volume.js';
import { recordSecrets } from './support/service.js';
import { deliver, eventText, webhookKey } from './support/webhooks.js';

const [old, fresh, leaked] = [webhookKey(), webhookKey(), webhookKey()];

let volume;
let fleet;
let load;
before(async () => {
    recordSecrets([old, fresh, leaked]);
    volume = new SecretVolume({ 'webhook-keys': `${old}\n` });
    const env = { CLINK_WEBHOOK_SIGNING_KEY: undefined, CLINK_WEBHOOK_SIGNING_KEY_FILE: volume.path('webhook-keys') };
    fleet = await Fleet.start('rotation-webhook-key', { env });
    await fleet.webhooks({ secret: old });
    load = new Load({ ...fleet.shop(), storefrontKeys: [fleet.stack.service.storefrontKey] });
});
after(() => closeAll({ load, fleet, volume }));

/** A payment whose webhooks Clink holds, signed with what is its key now. */
async function paidButHeld(key) {
    const { json: session } = await fleet.api.create(fleet.stack.order());
    await fleet.webhooks({ secret: key, hold: true });
    await fleet.stack.twin.pay(session.sessionId);
    await fleet.webhooks({ secret: key });
    return session;
}

const signedWith = (key, expect) =>
    deliver(fleet.api, eventText('session.expired', { sessionId: 'sess_of_nobody', status: 'expired' }), { key, expect });

test('both are taken, Clink signs with the new one, the old one is taken away', async (t) => {
    const { twin } = fleet.stack;
    await load.round();

    volume.update({ 'webhook-keys': `${old},${fresh}\n` });
    await fleet.rollHalf();
    await load.round(); // Clink signs with the old one: good for both
    await fleet.roll();
    await load.round();

    const held = await paidButHeld(old);
    // Clink makes the secret: the new one is a second endpoint's, whose address differs in its query.
    await fleet.webhooks({ secret: fresh, url: `${fleet.balancer.base}/webhooks/clink?2` });
    await load.round();
    await signedWith(old, 200);
    await twin.flush(); // what Clink made before it changed, and sends now
    await eventually('the held event is believed', async () => (await fleet.finance.order(held.merchantOrderId)).json.state === 'paid');

    volume.update({ 'webhook-keys': `${fresh}\n` });
    await fleet.rollHalf();
    await load.round();
    await fleet.roll();
    await load.round();
    await signedWith(fresh, 200);
    await signedWith(old, 401);

    await load.stop();
    const sent = await twin.webhooks();
    const bad = sent.filter(({ state, attempts }) => state !== 'delivered' || attempts.length > 1 || attempts[0].status !== 200);
    assert.deepEqual(bad.map(({ id, attempts }) => [id, attempts]), []);
    assert.ok(sent.length > 50, `${sent.length} deliveries`);
    t.diagnostic(`${sent.length} webhooks and ${load.requests} requests`);
});

test('in the wrong order: what was refused comes again, and nothing is lost', async () => {
    const { twin } = fleet.stack;
    const { json: session } = await fleet.api.create(fleet.stack.order());
    await fleet.webhooks({ secret: leaked, retry_scale: '0.00001', max_retries: 40 }); // for longer than a roll takes
    await twin.pay(session.sessionId);
    const attempts = async () => (await twin.webhooks(session.sessionId)).flatMap((each) => each.attempts);
    await eventually('Clink was refused', async () => (await attempts()).some(({ status }) => status === 401));
    assert.equal((await fleet.finance.order(session.merchantOrderId)).json.state, 'unpaid');

    volume.update({ 'webhook-keys': `${fresh},${leaked}\n` });
    await fleet.roll();
    await twin.flush();
    await eventually('the payment is known', async () => (await fleet.finance.order(session.merchantOrderId)).json.state === 'paid');
});
