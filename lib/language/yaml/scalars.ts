import type { ScalarTag, TagId, Tags } from 'yaml';

// YAML's own numbers lose what operators typed: 0644 becomes 644, 15.10 becomes 15.1, a WAL segment name of digits
// becomes 10000000000000004. Here a plain scalar is a number only when the number, written out, is the same text.

const int: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  identify: (value) => Number.isSafeInteger(value),
  test: /^(?:0|-?[1-9][0-9]{0,14})$/,
  resolve: (text) => Number(text),
};

const float: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  identify: (value) => typeof value === 'number',
  test: /^-?(?:0|[1-9][0-9]*)\.[0-9]+$/,
  resolve: (text) => (String(Number(text)) === text ? Number(text) : text),
};

/** The tags of YAML 1.2 with numbers that are never lossy; all other plain scalars stay text. */
export function losslessTags(tags: Tags): Tags {
  const kept = tags.filter(
    (tag: TagId | Tags[number]) => typeof tag === 'string' || !/:(int|float)$/.test(tag.tag),
  );
  return [...kept, int, float];
}
