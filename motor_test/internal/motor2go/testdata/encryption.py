from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorClientEncryption


async def main(kms):
    client = AsyncIOMotorClient()
    encryption = AsyncIOMotorClientEncryption(kms, "keys.vault", client, CodecOptions())
    key = await encryption.create_data_key("local", key_alt_names=["k"])
    secret = await encryption.encrypt("text", "AEAD_AES_256_CBC_HMAC_SHA_512-Deterministic", key_id=key)
    await client.app.secrets.insert_one({"v": secret})
    doc = await client.app.secrets.find_one()
    print(await encryption.decrypt(doc["v"]))
    await encryption.close()
