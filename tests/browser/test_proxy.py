"""Behind nginx with TLS and a path: pages, cookies and sockets work, with the host handed on and without."""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import closing

import pytest
from playwright.sync_api import sync_playwright
from support.paths import NOTEBOOKS, ROOT

HOST = "trial.example.test"

RECIPE = (ROOT / "docs/deploy/nginx.conf").read_text(encoding="utf-8")

HANDED_ON = "    proxy_set_header Host $http_host;\n"


def server(port, behind, folder, is_handed_on):
    """The recipe of the documentation, with the ports, path and files of a test."""
    found = RECIPE if is_handed_on else RECIPE.replace(HANDED_ON, "")
    for old, new in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "trial.example.org;": f"{HOST};",
        "/etc/ssl/trial.example.org.pem": f"{folder}/certificate.pem",
        "/etc/ssl/private/trial.example.org.key": f"{folder}/key.pem",
        "location /workbook/": "location /trial/workbook/",
        "127.0.0.1:8866": f"127.0.0.1:{behind}",
    }.items():
        assert old in found
        found = found.replace(old, new)
    return found


NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {server}
}}
"""


def free_port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def behind(chromium, serve, tmp_path_factory):
    """A dashboard that is reached through a proxy, the folder of the proxy's files, and the ports of both."""
    folder, port, inside = tmp_path_factory.mktemp("nginx"), free_port(), free_port()
    url = f"https://{HOST}:{port}/trial/workbook/"
    with serve(NOTEBOOKS, folder / "dashboard.txt", "--port", str(inside), "--url", url, "--no-fork") as served:
        yield served, url, folder, port, inside


@pytest.fixture(params=["the host handed on", "the host rewritten"])
def behind_nginx(request, behind):
    programs = {name: shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") for name in ("nginx", "openssl")}
    if None in programs.values():
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say("needs nginx and openssl; on Debian and Ubuntu: apt-get install nginx-light openssl")
    served, url, folder, port, inside = behind
    certificate = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={HOST}"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run([programs["openssl"], "req", *certificate, *files], check=True, capture_output=True)
    settings = server(port, inside, folder, is_handed_on=request.param == "the host handed on")
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, server=settings))
    nginx = subprocess.Popen([programs["nginx"], "-c", folder / "nginx.conf", "-e", folder / "error.log"])
    try:
        wait_for(port)
        yield served, url
    finally:
        nginx.send_signal(signal.SIGTERM)
        nginx.wait(10)


def wait_for(port):
    for _tenth in range(100):
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)


@pytest.fixture
def tab(chromium):
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        context = browser.new_context(ignore_https_errors=True)
        context.set_default_timeout(90_000)
        yield context.new_page()
        browser.close()


@pytest.mark.parametrize("behind_nginx", ["the host rewritten"], indirect=True)
def test_a_page_opens_and_answers_below_the_path_of_a_proxy_with_tls(behind_nginx, tab):
    served, url = behind_nginx
    outside, errors, sockets = [], [], []
    tab.on("request", lambda asked: asked.url.startswith(("data:", "blob:", url)) or outside.append(asked.url))
    tab.on("console", lambda said: said.type == "error" and errors.append(said.text))
    tab.on("websocket", lambda opened: sockets.append(opened.url))
    assert served.address.startswith(url)
    tab.goto(served.address)
    assert tab.locator("h1").inner_text().startswith("Umbilical Cord")
    cookies = tab.context.cookies()
    assert cookies
    assert all(one["secure"] and one["sameSite"] == "Strict" for one in cookies)
    assert {one["path"] for one in cookies} == {"/trial/workbook/"}
    tab.locator("main a").nth(4).click()
    tab.wait_for_selector("#loading", state="detached")
    tab.wait_for_selector(".pw-page :is(h2, h3, button, label) >> visible=true")
    assert all(one.startswith(url.replace("https", "wss")) for one in sockets)
    assert sockets
    tab.locator(".wb-brand").click()
    tab.wait_for_url(url)
    assert [one for one in outside if "favicon.ico" not in one] == []
    assert [one for one in errors if "favicon.ico" not in one] == []


def test_the_login_works_below_the_path(behind_nginx, tab):
    served, url = behind_nginx
    tab.goto(url)
    tab.get_by_label("Token").fill(served.address.rpartition("token=")[2])
    tab.get_by_role("button", name="Open").click()
    tab.wait_for_url(url)
    assert tab.locator("nav a").count() == 6
