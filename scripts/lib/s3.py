"""One signed request to object storage, in plain Python: s3.py METHOD URL [NAME:VALUE …] prints the status and the ETag.

The keys are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. The body of a PUT is the text of S3_BODY.
"""
import datetime
import hashlib
import hmac
import os
import sys
import urllib.error
import urllib.parse
import urllib.request


def ask(method, url, headers=(), body=b""):
    """The answer's status, headers and body."""
    parts = urllib.parse.urlsplit(url)
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    payload = hashlib.sha256(body).hexdigest()
    signed = {name.lower(): value for name, value in headers}
    signed |= {"host": parts.netloc, "x-amz-content-sha256": payload, "x-amz-date": now}
    names = ";".join(sorted(signed))
    query = sorted(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    canonical = "\n".join(
        [
            method,
            parts.path,
            urllib.parse.urlencode(query, quote_via=urllib.parse.quote),
            "".join(f"{name}:{signed[name]}\n" for name in sorted(signed)),
            names,
            payload,
        ]
    )
    scope = f"{now[:8]}/us-east-1/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for word in (now[:8], "us-east-1", "s3", "aws4_request", text):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    signed["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope},SignedHeaders={names},"
        f"Signature={key.hex()}"
    )
    request = urllib.request.Request(url, method=method, headers=signed, data=body if method in ("PUT", "POST") else None)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


if __name__ == "__main__":
    fields = [field.split(":", 1) for field in sys.argv[3:]]
    status, headers, _ = ask(sys.argv[1], sys.argv[2], fields, os.environ.get("S3_BODY", "").encode())
    print(status, (headers.get("ETag") or "").strip('"'))
