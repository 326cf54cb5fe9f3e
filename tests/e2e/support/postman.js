// The way from Clink to the service for webhooks: what the twin sends is acknowledged and held here, by order, until a
// history says whether it arrives, where, when and how often.
import http from 'node:http';

import { exchange } from './http.js';

const carried = ['content-type', 'x-clink-timestamp', 'x-clink-signature', 'x-clink-signtype'];

export class Postman {
    static async start() {
        const postman = new Postman();
        postman.held = new Map(); // merchant's reference -> letters that were not delivered
        postman.references = new Map(); // Clink's order -> merchant's reference
        postman.server = http.createServer((request, response) => postman.#take(request, response));
        await new Promise((done) => postman.server.listen(0, '127.0.0.1', done));
        postman.url = `http://127.0.0.1:${postman.server.address().port}/`;
        return postman;
    }

    async stop() {
        this.server.closeAllConnections();
        await new Promise((done) => this.server.close(done));
    }

    /** Letters of an order that wait, oldest first: `{id, type, object, body, headers}`. Take from it what is dealt with. */
    waiting(reference) {
        if (!this.held.has(reference)) this.held.set(reference, []);
        return this.held.get(reference);
    }

    forget(reference) {
        this.held.delete(reference);
    }

    /** Gives the status that the service answered. Where it cannot for now, as PostgreSQL stands still, it is asked again. */
    async deliver({ body, headers }, service) {
        const hand = () => exchange(service.base, { method: 'POST', path: '/webhooks/clink', headers, body });
        let answer = await hand();
        for (let tries = 1; answer.status === 503 && answer.headers['retry-after'] && tries < 10; tries++) {
            await new Promise((done) => setTimeout(done, 1000 * Number(answer.headers['retry-after'])));
            answer = await hand();
        }
        return answer.status;
    }

    #take(request, response) {
        const chunks = [];
        request.on('data', (chunk) => chunks.push(chunk));
        request.on('end', () => {
            const body = Buffer.concat(chunks);
            const { id, type, data } = JSON.parse(body);
            const { merchantReferenceId: named, orderId } = data.object;
            if (named && orderId) this.references.set(orderId, named);
            const headers = Object.fromEntries(carried.map((name) => [name, request.headers[name]]));
            this.waiting(named ?? this.references.get(orderId)).push({ id, type, object: data.object, body, headers });
            response.end();
        });
    }
}
