// Storefronts at work: each on a connection of its own, creating a page for a new order and reading it back, one request after the
// other; who is refused waits for as long as Retry-After says, and up to twice as long.
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';

import { pause } from '../finance/figures.mjs';

export class Load {
    constructor(stack, service, workers) {
        Object.assign(this, { stack, service, workers });
        const { Agent } = service.tls ? https : http;
        this.agent = new Agent({ keepAlive: true, maxSockets: workers, ...service.tls });
    }

    /** For so long; `{creates, reads, refused, failed}`: milliseconds of those that were served and refused, and how many were neither. */
    async run(seconds) {
        const end = performance.now() + seconds * 1000;
        const found = { creates: [], reads: [], refused: [], failed: 0 };
        await Promise.all(Array.from({ length: this.workers }, async () => {
            while (performance.now() < end) await this.#customer(found);
        }));
        return found;
    }

    close() {
        this.agent.destroy();
    }

    async #customer(found) {
        const terms = this.stack.order({ merchantOrderId: `bench-${randomBytes(10).toString('hex')}` });
        const made = await this.#timed('POST', '/v1/checkout-sessions', JSON.stringify(terms));
        if (made.status === 503 || made.status === 429) {
            found.refused.push(made);
            return pause(Number(made.retryAfter) * 1000 * (1 + Math.random()));
        }
        if (made.status !== 201) return void found.failed++;
        found.creates.push(made.ms);
        const read = await this.#timed('GET', `/v1/checkout-sessions/${made.json.sessionId}`);
        if (read.status === 200) found.reads.push(read.ms);
        else if (read.status === 503) found.refused.push(read);
        else found.failed++;
    }

    #timed(method, path, body) {
        const headers = { authorization: `Bearer ${this.service.tokens.storefront}` };
        if (body) Object.assign(headers, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
        const { protocol, hostname, port } = new URL(this.service.base);
        const began = performance.now();
        return new Promise((done) => {
            const sent = (protocol === 'https:' ? https : http).request(
                { agent: this.agent, hostname, port, method, path, headers },
                (answer) => {
                    const chunks = [];
                    answer.on('data', (chunk) => chunks.push(chunk));
                    answer.on('error', () => done({ status: 0 }));
                    answer.on('end', () => {
                        const ms = performance.now() - began;
                        const text = Buffer.concat(chunks).toString('utf8');
                        const retryAfter = answer.headers['retry-after'];
                        done({ status: answer.statusCode, ms, retryAfter, json: text.startsWith('{') ? JSON.parse(text) : undefined });
                    });
                },
            );
            sent.on('error', () => done({ status: 0 }));
            sent.end(body);
        });
    }
}
