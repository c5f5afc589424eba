// Measures MongoDB's driver for Node: peer.js URI SECONDS FILESIZE. It prints JSON. The module mongodb must be found from
// the working directory, or through NODE_PATH.
const { createRequire } = require("module");
const { Readable } = require("stream");
const { pipeline } = require("stream/promises");
const fromHere = createRequire(process.cwd() + "/");
const { GridFSBucket, MongoClient } = fromHere("mongodb");
const { version } = fromHere("mongodb/package.json");

const uri = process.argv[2];
const seconds = Number(process.argv[3]);
const fileSize = Number(process.argv[4]);
const document = {
  name: "somebody or other", age: 1007, score: 7 / 3, active: false, tags: ["red", "green"],
  address: { city: "Berlin", zip: 10007 }, at: new Date(1700000000000),
};

const rates = {};
const perCPU = {};

// measure runs a task again and again, several at a time, and sets how many there were in a second, and in one of CPU time.
// It uses some seconds of CPU time, so that a busy machine has no smaller sample, but at most ten times as much time.
async function measure(row, size, task, inFlight) {
  const used = process.cpuUsage();
  const begin = performance.now();
  let count = 0;
  function enough() {
    const { user, system } = process.cpuUsage(used);
    return user + system >= seconds * 1e6 || performance.now() >= begin + seconds * 1e4;
  }
  async function worker() {
    do {
      await task();
      count++;
    } while (!enough());
  }
  await Promise.all(Array.from({ length: inFlight }, worker));
  const { user, system } = process.cpuUsage(used);
  rates[row] = (size * count * 1000) / (performance.now() - begin);
  perCPU[row] = (size * count * 1e6) / (user + system);
}

function whole(n, want) {
  if (n !== want) throw new Error(`got ${n}, want ${want}`);
}

async function main() {
  const client = await new MongoClient(uri, { maxPoolSize: 100 }).connect();
  const one = client.db("d").collection("one");
  const many = client.db("d").collection("many");
  const bucket = new GridFSBucket(client.db("d"));
  const data = Buffer.alloc(fileSize);
  await measure("", 1, () => one.findOne({ _id: 7 }), 1); // until the compiler is done
  delete rates[""];
  delete perCPU[""];
  for (const [name, task] of Object.entries({
    find_one: () => one.findOne({ _id: 7 }),
    insert_one: () => one.insertOne({ ...document }),
    update_one: () => one.updateOne({ _id: 7 }, { $set: { age: 8 } }),
  })) {
    for (const inFlight of [1, 100, 1000]) await measure(`${name}, ${inFlight} in flight`, 1, task, inFlight);
  }
  await measure("aggregate, 100 in flight", 1, () => one.aggregate([{ $match: { _id: 7 } }]).toArray(), 100);
  for (const [name, count, task] of [
    ["10,000 find_one at once", 10000, () => Promise.all(Array.from({ length: 10000 }, () => one.findOne({ _id: 7 })))],
    ["insert_many of 1,000, documents", 1000, () => one.insertMany(Array.from({ length: 1000 }, () => ({ ...document })))],
    ["list of 20,000 documents, documents", 20000, async () => whole((await many.find({}).toArray()).length, 20000)],
    ["20,000 one by one, documents", 20000, async () => {
      let n = 0;
      for await (const _ of many.find({})) n++;
      whole(n, 20000);
    }],
    ["GridFS up, MB", fileSize / 1e6, () => pipeline(Readable.from([data]), bucket.openUploadStream("f"))],
    ["GridFS down, MB", fileSize / 1e6, async () => {
      let n = 0;
      for await (const chunk of bucket.openDownloadStreamByName("f")) n += chunk.length;
      whole(n, fileSize);
    }],
  ]) await measure(name, count, task, 1);
  console.log(JSON.stringify({ name: `Node ${version}`, rates, perCPU }));
  await client.close();
}

main().catch((err) => {
  console.error(String(err));
  process.exit(1);
});
