// The merchant's shop: a small server on loopback that customers are sent back to, and what it would send to the service.
import { createHmac, randomBytes } from 'node:crypto';
import http from 'node:http';

export class Storefront {
    static async start() {
        const storefront = new Storefront();
        storefront.visits = [];
        storefront.server = http.createServer((request, response) => {
            storefront.visits.push({ method: request.method, url: request.url, headers: request.headers });
            response.setHeader('content-type', 'text/html; charset=utf-8');
            response.end(`<!doctype html><title>Shop</title><h1 id="page">${request.url.split('?')[0]}</h1>`);
        });
        await new Promise((done) => storefront.server.listen(0, '127.0.0.1', done));
        storefront.base = `http://127.0.0.1:${storefront.server.address().port}`;
        return storefront;
    }

    url(path) {
        return this.base + path;
    }

    /** Terms of a new order, valid as they are; `changes` replaces fields, and undefined removes one. */
    order(changes = {}) {
        const order = {
            merchantOrderId: `ORD-${randomBytes(8).toString('hex')}`,
            originalAmount: '49.90',
            originalCurrency: 'USD',
            customerEmail: `ada-${randomBytes(4).toString('hex')}@shop.example`,
            successUrl: this.url('/thanks'),
            cancelUrl: this.url('/cart'),
            ...changes,
        };
        if (!('priceDataList' in changes) && !('productId' in changes))
            order.priceDataList = [{ name: 'Enamel mug', unitAmount: order.originalAmount }];
        for (const name of Object.keys(order)) if (order[name] === undefined) delete order[name];
        return order;
    }

    async stop() {
        this.server.closeAllConnections();
        await new Promise((done) => this.server.close(done));
    }
}

const strictlyEncoded = (text) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** The signature that a storefront expects on its success page. */
export function redirectSignature(key, parameters) {
    const signed = ['merchantOrderId', 'sessionId', 'status', 'ts'].map((name) => strictlyEncoded(parameters.get(name)));
    return createHmac('sha256', key).update(signed.join('&')).digest('hex');
}
