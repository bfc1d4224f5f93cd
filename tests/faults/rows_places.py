"""Rows 89, 90, 92 and 93: TLS, names and addresses, proxies, HTTP/2."""

CASES = []

def server_settings(case):
    return {}

def options(case):
    return []

def knowing(folder, places):
    return []
