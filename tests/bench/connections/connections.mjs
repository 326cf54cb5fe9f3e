// See ../README.md: a service, its database and a twin of Clink; crowds and storms around it.
import { parseArgs } from 'node:util';

import { Authority } from '../../e2e/support/certificates.js';
import { Stack } from '../../e2e/support/stack.js';
import { Verdict } from '../finance/figures.mjs';
import { measureCrowd } from './crowded.mjs';
import { measureStorm, stormSettings } from './storm.mjs';

const { values: given } = parseArgs({
    options: {
        idle: { type: 'string', default: '10000' },
        slow: { type: 'string', default: '500' },
        seconds: { type: 'string', default: '10' },
        rounds: { type: 'string', default: '3' },
        only: { type: 'string', multiple: true, default: ['plain', 'tls', 'storm'] },
    },
});
const [idle, slow, seconds, rounds] = [given.idle, given.slow, given.seconds, given.rounds].map(Number);
const verdict = new Verdict();
const isWanted = (phase) => given.only.includes(phase);

const usual = { LOG_LEVEL: 'warning', DATABASE_POOL_SIZE: '8', CLINK_WEBHOOK_SIGNING_KEY: 'whsec_bench' };
const authority = await Authority.create('bench');
let stack;
try {
    stack = await Stack.start('connections', { env: { LOG_LEVEL: 'warning' } });
    const measured = { stack, idle, slow, seconds, rounds, verdict };
    if (isWanted('plain')) {
        const service = await stack.serve('plain', { env: usual });
        await measureCrowd({ ...measured, service, name: 'plain' });
        await service.stop();
    }
    if (isWanted('tls')) {
        const { certFile, keyFile, ca } = await authority.issue('server', ['IP:127.0.0.1']);
        const env = { ...usual, TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile };
        const service = await stack.serve('tls', { env, tls: { ca } });
        await measureCrowd({ ...measured, service, name: 'tls' });
        await service.stop();
    }
    if (isWanted('storm')) {
        const service = await stack.serve('storm', { env: { ...usual, ...stormSettings } });
        await measureStorm({ stack, service, seconds, verdict });
        await service.stop();
    }
} finally {
    await stack?.close();
    authority.remove();
}
verdict.print();
process.exitCode = verdict.offences.length > 0 ? 1 : 0;
