// Shops that go on selling through the Service while something is done to its pods. Nothing is retried: every request is kept
// with what became of it, with its connection, and with the pod behind that.
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import { podBehind } from './connections.js';

/** A request's end: `{status, json}` of an answer, or `{error}`; always with what is known of its connection. */
function send(agent, base, { method, path, headers, body }) {
    return new Promise((resolve) => {
        const at = Date.now();
        const outcome = { method, path, at, reused: false };
        const finish = (end) => resolve({ ...outcome, ...end, took: Date.now() - at });
        const request = http.request(new URL(path, base), { agent, method, headers, timeout: 30000 }, (response) => {
            const parts = [];
            response.on('data', (part) => parts.push(part));
            response.on('error', (error) => finish({ error: error.code ?? error.message }));
            response.on('end', () => {
                const text = Buffer.concat(parts).toString();
                const isJson = /json/.test(response.headers['content-type'] ?? '');
                finish({ status: response.statusCode, json: isJson ? JSON.parse(text) : undefined, closes: response.headers.connection === 'close' });
            });
        });
        request.on('socket', (socket) => {
            outcome.reused = !socket.connecting;
            const note = () => {
                outcome.port = socket.localPort;
                socket.pod ??= podBehind(socket.localPort, new URL(base).hostname);
                outcome.pod = socket.pod;
            };
            if (socket.connecting) socket.once('connect', note);
            else note();
        });
        request.on('timeout', () => request.destroy(new Error('no answer within 30 s')));
        request.on('error', (error) => {
            if (error.code === 'ECONNREFUSED') outcome.refused = true;
            finish({ error: error.code ?? error.message });
        });
        request.end(body);
    });
}

export class Load {
    /** `twin(method, path, body)` is its control API. */
    constructor({ base, token, twin, shops = 8, pauseMs = 40 }) {
        Object.assign(this, { base, token, twin, pauseMs });
        this.requests = [];
        this.acknowledged = new Map(); // session id → order id
        this.paid = [];
        this.running = Array.from({ length: shops }, (_, shop) => this.#sell(shop));
    }

    /** What was not answered as it should have been since the moment. */
    failures(since = 0) {
        return this.requests.filter(({ at, error, status }) => at >= since && (error || status >= 400));
    }

    count(since = 0) {
        return this.requests.filter(({ at }) => at >= since).length;
    }

    async stop() {
        this.stopping = true;
        await Promise.all(this.running);
    }

    async #sell(shop) {
        // Two tills of a shop, each with a connection that it keeps: both ask for the same order at once, as a customer's
        // second click does.
        const tills = [0, 1].map(() => new http.Agent({ keepAlive: true, maxSockets: 1 }));
        for (let number = 0; !this.stopping; ++number) {
            await this.#order(tills, shop, number);
            await pause(this.pauseMs);
        }
        for (const till of tills) till.destroy();
    }

    async #order(tills, shop, number) {
        const order = `load-${shop}-${number}-${randomBytes(4).toString('hex')}`;
        const answers = await Promise.all(tills.map((till) => this.#create(till, order)));
        const session = answers.find(({ status }) => status < 300)?.json;
        if (!session) return;
        await this.#send(tills[0], { method: 'GET', path: `/v1/orders/${order}`, order });
        if (number % 3 !== 0) return;
        await this.twin('POST', `sessions/${session.sessionId}/pay`, {});
        const end = number % 2 === 0
            ? await this.#send(tills[1], { method: 'GET', path: `/checkout/success?sessionId=${session.sessionId}`, order })
            : await this.#send(tills[1], { method: 'POST', path: `/v1/checkout-sessions/${session.sessionId}/refresh`, order });
        if (!end.error && end.status < 400) this.paid.push(session.sessionId);
    }

    async #create(till, order) {
        const terms = {
            merchantOrderId: order, originalAmount: '49.90', originalCurrency: 'USD', customerEmail: `${order}@shop.example`,
            priceDataList: [{ name: 'Desk lamp', quantity: 1, unitAmount: '49.90' }],
            successUrl: 'https://shop.example/thanks', cancelUrl: 'https://shop.example/cart',
        };
        const answer = await this.#send(till, { method: 'POST', path: '/v1/checkout-sessions', body: JSON.stringify(terms), order });
        if (answer.status < 300) this.acknowledged.set(answer.json.sessionId, order);
        return answer;
    }

    async #send(till, { order, ...request }) {
        const headers = { authorization: `Bearer ${this.token}` };
        if (request.body) headers['content-type'] = 'application/json';
        const outcome = { order, ...(await send(till, this.base, { ...request, headers })) };
        this.requests.push(outcome);
        return outcome;
    }
}

/** Milliseconds below which a share of the answers came. */
export function quantile(requests, share) {
    const times = requests.filter(({ error }) => !error).map(({ took }) => took).sort((a, b) => a - b);
    return times[Math.min(times.length - 1, Math.floor(times.length * share))];
}
