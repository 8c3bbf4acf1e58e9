/**
 * The practice database: a small shop. All rows follow from their number alone, so that every seed
 * makes the same ones. Pure.
 */

export const database = 'shop';

/** Children after their parents. */
export const tables = ['customers', 'products', 'orders', 'order_lines', 'payments', 'stock_moves'] as const;
export type Table = (typeof tables)[number];

const firstCustomers = 2000;
const firstProducts = 400;
const firstOrders = 9000;

/** Creates the tables and fills them: about 50 000 rows. */
export function createShop(): string {
  return `
create table customers (
  id int primary key,
  name text not null,
  email text not null unique,
  city text not null,
  since date not null
);
create table products (
  id int primary key,
  name text not null,
  price numeric(8, 2) not null check (price > 0)
);
create table orders (
  id int primary key,
  customer_id int not null references customers,
  placed_at timestamptz not null,
  status text not null
);
create table order_lines (
  order_id int not null references orders,
  line int not null,
  product_id int not null references products,
  quantity int not null check (quantity > 0),
  primary key (order_id, line)
);
create table payments (
  id int primary key,
  order_id int not null references orders,
  amount numeric(10, 2) not null,
  paid_at timestamptz not null,
  method text not null
);
create table stock_moves (
  id int primary key,
  product_id int not null references products,
  quantity int not null,
  reason text not null
);
create index on orders (customer_id);
create index on order_lines (product_id);
create index on payments (order_id);

insert into customers
select n, 'Customer ' || n, 'customer' || n || '@example.com',
  (array['Arnhem', 'Bergen', 'Cork', 'Dresden', 'Evora'])[1 + n % 5], date '2020-01-01' + n % 1500
from generate_series(1, ${firstCustomers}) n;

insert into products
select n, 'Product ' || n, round((5 + n * 7919 % 20000 / 100.0)::numeric, 2)
from generate_series(1, ${firstProducts}) n;

insert into stock_moves
select n, 1 + n * 31 % ${firstProducts}, 10 + n % 90, 'delivery'
from generate_series(1, 4000) n;
${placeOrders(1, firstOrders)}
`;
}

/** One transaction that adds the orders of these numbers with their lines and payments. */
export function placeOrders(from: number, to: number): string {
  return `
begin;
insert into orders
select n, 1 + n * 37 % ${firstCustomers}, timestamptz '2025-01-01 00:00:00+00' + n * interval '13 minutes',
  (array['new', 'paid', 'shipped'])[1 + n % 3]
from generate_series(${from}, ${to}) n;

insert into order_lines
select n, line, 1 + (n * 17 + line * 101) % ${firstProducts}, 1 + (n + line) % 4
from generate_series(${from}, ${to}) n, generate_series(1, 2 + n % 3) line;

insert into payments
select n, n, sum(lines.quantity * products.price), min(orders.placed_at) + interval '5 minutes',
  (array['card', 'transfer', 'invoice'])[1 + n % 3]
from generate_series(${from}, ${to}) n
  join orders on orders.id = n
  join order_lines lines on lines.order_id = n
  join products on products.id = lines.product_id
group by n;
commit;
`;
}

/** One transaction that adds orders and nothing else: what an application still does once its other tables are gone. */
export function placeBareOrders(from: number, to: number): string {
  return `
insert into orders
select n, 1 + n * 37 % ${firstCustomers}, timestamptz '2025-01-01 00:00:00+00' + n * interval '13 minutes', 'new'
from generate_series(${from}, ${to}) n;
`;
}

export const lastOrder = 'select max(id) from orders;';

/** Counts the rows of every table that exists, as a JSON object by table name. */
export const countRows = `
select json_object_agg(relname, (xpath('/row/n/text()',
  query_to_xml(format('select count(*) as n from public.%I', relname), false, true, '')))[1]::text::int)
from pg_stat_user_tables where schemaname = 'public';
`;

/** Rows by table; null where the table does not exist. */
export type RowCounts = Record<Table, number | null>;

/** Reads the answer of countRows. */
export function parseRowCounts(json: string): RowCounts {
  const counted = (json === '' ? {} : JSON.parse(json)) as Record<string, number | undefined>;
  return Object.fromEntries(tables.map((table) => [table, counted[table] ?? null])) as RowCounts;
}
