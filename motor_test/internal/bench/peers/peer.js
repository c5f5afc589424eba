// Measures MongoDB's driver for Node: peer.js URI SECONDS. It prints JSON. The module mongodb must be found from the
// working directory.
const { createRequire } = require("module");
const fromHere = createRequire(process.cwd() + "/");
const { MongoClient } = fromHere("mongodb");
const { version } = fromHere("mongodb/package.json");

const uri = process.argv[2];
const seconds = Number(process.argv[3]);
const document = {
  name: "somebody or other", age: 1007, score: 7 / 3, active: false, tags: ["red", "green"],
  address: { city: "Berlin", zip: 10007 }, at: new Date(1700000000000),
};

// rate runs a task again and again, several at a time, and returns how many there were in a second.
async function rate(task, inFlight) {
  const begin = performance.now();
  const end = begin + seconds * 1000;
  let count = 0;
  async function worker() {
    while (performance.now() < end) {
      await task();
      count++;
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker));
  return (count * 1000) / (performance.now() - begin);
}

function whole(n) {
  if (n !== 20000) throw new Error(`got ${n} documents, want 20000`);
}

async function main() {
  const client = await new MongoClient(uri, { maxPoolSize: 100 }).connect();
  const one = client.db("d").collection("one");
  const many = client.db("d").collection("many");
  const tasks = {
    find_one: () => one.findOne({ _id: 7 }),
    insert_one: () => one.insertOne({ ...document }),
    update_one: () => one.updateOne({ _id: 7 }, { $set: { age: 8 } }),
  };
  const rates = {};
  for (const inFlight of [1, 100, 1000]) {
    for (const [name, task] of Object.entries(tasks)) rates[`${name}, ${inFlight} in flight`] = await rate(task, inFlight);
  }
  rates["list of 20,000 documents, documents"] = 20000 * (await rate(async () => whole((await many.find({}).toArray()).length), 1));
  rates["20,000 one by one, documents"] = 20000 * (await rate(async () => {
    let n = 0;
    for await (const _ of many.find({})) n++;
    whole(n);
  }, 1));
  console.log(JSON.stringify({ name: `Node ${version}`, rates }));
  await client.close();
}

main().catch((err) => {
  console.error(String(err));
  process.exit(1);
});
