import { describe, expect, it } from 'vitest';
import { serialBatches } from '../../../../lib/engine/run/play-hosts.ts';
import { tagsSelect } from '../../../../lib/engine/run/run-state.ts';

describe('tags', () => {
  it.each([
    { tags: [], only: [], skip: [], selected: true },
    { tags: ['a'], only: [], skip: [], selected: true },
    { tags: ['a'], only: ['b'], skip: [], selected: false },
    { tags: ['a', 'b'], only: ['b'], skip: [], selected: true },
    { tags: ['a'], only: [], skip: ['a'], selected: false },
    { tags: ['always'], only: ['b'], skip: [], selected: true },
    { tags: ['always'], only: ['b'], skip: ['always'], selected: false },
    { tags: ['never'], only: [], skip: [], selected: false },
    { tags: ['never', 'drill'], only: ['drill'], skip: [], selected: true },
    { tags: [], only: ['untagged'], skip: [], selected: true },
    { tags: [], only: [], skip: ['untagged'], selected: false },
    { tags: ['a'], only: [], skip: ['untagged'], selected: true },
    { tags: ['a'], only: [], skip: ['tagged'], selected: false },
    { tags: [], only: [], skip: ['all'], selected: false },
    { tags: ['a'], only: ['a'], skip: ['all'], selected: false },
    { tags: ['always'], only: [], skip: ['all'], selected: true },
    { tags: ['a'], only: ['tagged'], skip: [], selected: true },
  ])('tags $tags with --tags $only --skip-tags $skip: $selected', ({ tags, only, skip, selected }) => {
    expect(tagsSelect(tags, { only, skip })).toBe(selected);
  });
});

describe('serial', () => {
  const hosts = ['a', 'b', 'c', 'd', 'e'];

  it.each([
    { serial: [], batches: [hosts] },
    { serial: [2], batches: [['a', 'b'], ['c', 'd'], ['e']] },
    { serial: [1, '100%'], batches: [['a'], ['b', 'c', 'd', 'e']] },
    { serial: ['40%'], batches: [['a', 'b'], ['c', 'd'], ['e']] },
    { serial: ['1%'], batches: hosts.map((host) => [host]) },
  ])('serial $serial gives $batches', ({ serial, batches }) => {
    expect(serialBatches(hosts, serial)).toEqual(batches);
  });
});
